#pragma once

#include "repository/repository.h"
#include "repository/upkeep/finding.h"

namespace perdure::repository {

enum class VerifyLevel {
    structure,  ///< every referenced blob is indexed, every pack is there in its right size
    sample,     ///< structure, and part of the packs as read_data, least recently checked first
    read_data,  ///< structure, and every byte: pack hash, frames opened, every blob id recomputed
};

struct VerifyOptions {
    VerifyLevel level = VerifyLevel::structure;
    double sample_fraction = 0.05;     ///< of the packs' bytes; at least one pack
    std::vector<SessionId> snapshots;  ///< empty: all. Others restrict what is walked and read.
    unsigned threads = 2;
    UpkeepProgress progress;
};

struct VerifyReport {
    VerifyLevel level = VerifyLevel::structure;
    std::uint64_t snapshots = 0, blobs = 0, packs = 0;  ///< walked, known, listed
    std::uint64_t packs_read = 0, bytes_read = 0;       ///< of the copies at every destination
    std::uint64_t blobs_read = 0;
    std::uint64_t destinations_read = 0, destinations_total = 0;  ///< the former hold it all
    /// Destinations where not everything could be looked at, and why. What is there may be whole.
    std::vector<data::Problem> unread;
    std::uint64_t blobs_erased = 0;  ///< not opened: their keys were destroyed on purpose
    std::vector<Finding> findings;   ///< at most 1,000; findings_total counts all
    std::uint64_t findings_total = 0;
    /// Snapshots that their writers' chains name and that nobody deleted: hidden, or lost by the
    /// store. What is here may be whole all the same. Not looked for among chosen snapshots.
    std::vector<Finding> gaps;
    bool passed() const { return findings_total == 0; }
};

/// Looks at every destination's own copies: what one holds proves nothing about another.
/// Changes nothing in the repository (which packs were read is remembered in the local cache
/// folder). Damage is a finding, not an error. Fails: unavailable; cancelled.
/// Restoring as a level of verification is job's drill.
Result<VerifyReport> verify(Repository& repository, VerifyOptions const& options,
                            std::stop_token stop);

}  // namespace perdure::repository
