#pragma once

#include "data/json.h"
#include "service/workspace.h"

namespace perdure::service {

/// What discovery finds at a place (absolute or relative), which of it the configured sources
/// cover, and what is not covered, with readable lines. Fails: as origin::discover.
Result<data::Json> inventory_body(Workspace& workspace, system::Path const& place,
                                  std::vector<std::string>& lines);

}  // namespace perdure::service
