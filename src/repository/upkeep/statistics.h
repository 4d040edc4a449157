#pragma once

#include "repository/repository.h"

namespace perdure::repository {

struct ObjectCount {
    std::uint64_t objects = 0, bytes = 0;
};

struct RepositoryStatistics {
    ObjectCount data_packs, meta_packs, index, snapshots, keyring, other;
    std::uint64_t tombstones = 0;
    std::uint64_t blobs = 0, blob_bytes = 0;    ///< in the index; plaintext lengths
    std::uint64_t frames = 0, frame_bytes = 0;  ///< sealed
    std::uint64_t subjects = 0, erased = 0, epoch = 0;
    std::uint64_t index_segments = 0;
    std::uint64_t sessions_living = 0;
    std::uint64_t packs_condemned = 0;  ///< listed still
    std::uint64_t total_bytes() const;
    /// Plaintext per stored byte of packs, before deduplication is counted; 0 when empty.
    double compression() const;
};

/// Counts by listing. Fails: unavailable; cancelled.
Result<RepositoryStatistics> measure(Repository& repository, std::stop_token stop);

}  // namespace perdure::repository
