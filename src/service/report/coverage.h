#pragma once

#include <string>

#include "service/config/config.h"

namespace perdure::service {

/// The source whose rules take in what lies at `path` (its folder, not under `exclude`, no tagged
/// cache, no other file system where it keeps to one); empty: none. A command protects no path.
std::string covered_by(Config const& config, system::Path const& path);

}  // namespace perdure::service
