#pragma once

#include "base/time.h"
#include "system/file.h"

namespace perdure::demo {

struct OddFileOptions {
    std::uint64_t seed = 1;
    Timestamp now;
};

/// What backups forget, below home/: names that are no UTF-8, hold newlines or are as long as names
/// get, hard links, symbolic links (one broken, one in a circle), a sparse file, a FIFO, attributes
/// and an access list. What the file system does not support is left out silently.
Result<void> make_odd_files(system::Path const& server, OddFileOptions const& options);

}  // namespace perdure::demo
