#pragma once

#include <stop_token>
#include <string>

#include "base/result.h"
#include "system/file.h"

namespace perdure::format {

struct ContainerCheck {
    std::uint64_t files = 0, bytes = 0;  ///< entries, and their contents
};

/// Reads a container back that perdure wrote: every entry unpacked, sizes and checksums compared,
/// the directory against what stands before the data. Strict: what only a lenient reader would take
/// is an error. Memory: 2 MiB. Fails: corrupt, naming the entry.
Result<ContainerCheck> check_zip(system::Path const& file, std::stop_token stop);
Result<ContainerCheck> check_tar_gz(system::Path const& file, std::stop_token stop);

}  // namespace perdure::format
