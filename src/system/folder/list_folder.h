#pragma once

#include <system_error>
#include <vector>

#include "system/file.h"

namespace perdure::system {

/// What lies in a folder, in no order, as far as it can be listed; `error` tells why no further.
/// A loop over std::filesystem::directory_iterator throws there: a folder may be on a bad disk, or
/// (below /proc) that of a process that has just ended.
std::vector<Path> list_folder(Path const& folder, std::error_code& error);

}  // namespace perdure::system
