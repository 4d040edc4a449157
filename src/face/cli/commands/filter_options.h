#pragma once

#include "data/where.h"
#include "face/cli/arguments.h"

namespace perdure::face {

/// The options that choose records, the same for every verb: --type, --project, --category,
/// --collection, --tag, --subject, --since, --until, --where. Fails: invalid (PD-0002).
Result<data::RecordFilter> filter_of(Arguments const& arguments);
/// A time given as option `name`. Fails: invalid (PD-0002).
Result<std::optional<Timestamp>> time_option(Arguments const& arguments, std::string const& name);

}  // namespace perdure::face
