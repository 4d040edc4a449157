#pragma once

#include "data/where.h"
#include "face/cli/arguments.h"

namespace perdure::face {

/// The options that choose records, the same for every verb: --type, --project, --category,
/// --collection, --tag, --subject, --since, --until, --where. Fails: invalid (PD-0002).
Result<data::RecordFilter> filter_of(Arguments const& arguments);
/// A time of records given as option `name`; a date alone begins in UTC. Fails: invalid (PD-0002).
Result<std::optional<Timestamp>> time_option(Arguments const& arguments, std::string const& name);
/// A time of snapshots, local where it names no zone. Fails: invalid (PD-0002).
Result<std::optional<Timestamp>> snapshot_time_option(Arguments const& arguments,
                                                      std::string const& name);
/// --at. Fails: invalid (PD-0002).
Result<std::optional<Timestamp>> at_option(Arguments const& arguments);

}  // namespace perdure::face
