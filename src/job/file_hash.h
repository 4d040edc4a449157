#pragma once

#include <stop_token>

#include "crypto/hash.h"
#include "system/file.h"

namespace perdure::job {

struct FileHash {
    crypto::Digest digest;  ///< SHA-256 of its bytes
    std::uint64_t bytes = 0;
};
/// Reads the whole file. Memory: 1 MiB. Threads: any. Fails: as reading does; cancelled.
Result<FileHash> hash_file(system::Path const& path, std::stop_token const& stop = {});

}  // namespace perdure::job
