#pragma once

#include "service/workspace.h"

namespace perdure::service {

/// Destinations that a deletion of just now did not reach: away, shut out or behind the others.
/// What was deleted is there still.
std::vector<data::Problem> not_reached(Workspace const& workspace);

}  // namespace perdure::service
