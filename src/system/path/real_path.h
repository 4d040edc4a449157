#pragma once

#include "system/file.h"

namespace perdure::system {

/// A path however it is spelled or linked, what of it is not there as it is written; where the disk
/// cannot tell, all of it as it is written.
Path real_path(Path const& path);

}  // namespace perdure::system
