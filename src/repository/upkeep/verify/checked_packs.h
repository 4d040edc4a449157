#pragma once

#include <map>

#include "repository/index/index.h"

namespace perdure::repository {

/// When each pack was last read whole on this machine: a file in the local cache folder, nothing
/// when there is none. Losing it costs a pack being checked sooner.
class CheckedPacks {
public:
    explicit CheckedPacks(system::Path const& cache_folder);
    /// Zero: never.
    std::int64_t when(crypto::Digest const& pack) const;
    void note(crypto::Digest const& pack, std::int64_t seconds) { times_[pack] = seconds; }
    /// Writes what it knows of packs that still exist.
    Result<void> save(std::vector<PackRow> const& existing) const;

private:
    system::Path file_;
    std::map<crypto::Digest, std::int64_t> times_;
};

}  // namespace perdure::repository
