#pragma once

#include "data/json.h"
#include "face/cli/invocation.h"

namespace perdure::face {

/// A plan's summary for people: per source the tables, what is refused and what stays, space and
/// time. With --json nothing: the summary event carries it.
void tell_plan_summary(Invocation& in, data::Json const& summary);
/// One record or file of a plan with its fields, old → new.
void tell_plan_item(Invocation& in, data::Json const& item);
/// Whether a database of the plan stays beside the one that takes its name.
bool keeps_old(data::Json const& summary);
/// "3 created, 1 replaced, 2 deleted".
std::string spell_decisions(data::Json const& summary);

}  // namespace perdure::face
