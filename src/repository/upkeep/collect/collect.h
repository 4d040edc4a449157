#pragma once

#include <chrono>

#include "repository/repository.h"
#include "repository/upkeep/finding.h"

namespace perdure::repository {

struct CollectOptions {
    bool dry_run = false;
    /// How long a condemned pack stays before it is deleted: readers hold no locks, and a person
    /// may change their mind. By the store's clock.
    std::chrono::seconds grace = std::chrono::hours(7 * 24);
    /// A pack is rewritten when less than this part of its bytes is still needed.
    double live_fraction_min = 0.5;
    /// At most so much is rewritten in one run; the rest waits for the next.
    std::uint64_t rewrite_bytes_max = std::uint64_t{64} << 30;
    /// How long to wait for sessions that began before a pack was condemned; then it stays.
    std::chrono::seconds wait_for_sessions{0};
    UpkeepProgress progress;
};

struct CollectReport {
    std::uint64_t collection = 0;  ///< n of the collect/<n> that was written; 0: none
    std::uint64_t snapshots = 0;
    std::uint64_t blobs_live = 0, blobs_dead = 0;  ///< blobs stored twice count once as dead
    std::uint64_t bytes_live = 0, bytes_dead = 0;  ///< plaintext lengths
    std::uint64_t packs = 0, packs_condemned = 0, packs_rewritten = 0, packs_deleted = 0;
    std::uint64_t bytes_rewritten = 0;                   ///< plaintext of blobs moved to new packs
    std::uint64_t bytes_freed = 0;                       ///< of deleted objects
    std::uint64_t packs_waiting = 0, bytes_waiting = 0;  ///< condemned, not yet deleted
    std::uint64_t sessions_fenced = 0;
    std::vector<std::string> waits_for;  ///< living sessions that hold deletions up
    std::vector<Finding> kept_because;   ///< packs that should have gone but lack a live copy
    bool dry_run = false;
};

/// Frees what no snapshot needs. See upkeep/collect.cpp for the protocol and its invariants.
/// Nothing is deleted, and the reason is the error, when
/// - a snapshot cannot be read, a blob that one refers to is in no listed pack, or a snapshot names
///   an unknown handle (corrupt, PD-0014);
/// - the store's clock and ours disagree by more than 5 minutes (invalid);
/// - another collection got ahead of this one (conflict).
/// Threads: one; safe beside any number of backups, restores and other collectors.
Result<CollectReport> collect(Repository& repository, CollectOptions const& options,
                              std::stop_token stop);

}  // namespace perdure::repository
