#pragma once

#include <optional>
#include <set>

#include "repository/domain.h"
#include "repository/upkeep/finding.h"
#include "store/object_store.h"

namespace perdure::repository {

struct SyncOptions {
    bool dry_run = false;
    /// Only what says which repository it is, config and keyring: the rest comes another time.
    bool joins = false;
    /// The newest epoch of the keyring that the key opened, where there is one: whatever a
    /// destination says, it and later ones are not buried. None: the newest that is whole counts.
    std::optional<std::uint64_t> opened_epoch;
    /// Sessions of this machine whose process is gone: nobody waits for them (own_sessions.h).
    std::set<SessionId> ended_here{};
    UpkeepProgress progress;
};

struct SyncedLeg {
    std::string destination;  ///< ObjectStore::describe
    std::uint64_t objects_copied = 0, bytes_copied = 0;
    std::uint64_t objects_removed = 0;  ///< packs and index segments that a collection deleted
    std::uint64_t snapshots_copied = 0, snapshots_removed = 0;
    bool complete = false;  ///< it now holds everything
    std::string problem;    ///< why not
};

struct SyncReport {
    bool dry_run = false;
    std::vector<SyncedLeg> legs;
    std::vector<Finding> findings;  ///< disagreements and damaged sources, left as they are
    /// Packs that a collection had deleted and left out of the index, and that came back because
    /// another destination needs them. Who has the key takes them in: Index::adopt_orphans.
    std::uint64_t packs_returned = 0;
};

/// Brings every leg of a store (store.legs()) to the union of all: what one lacks is copied from
/// another that has it whole (bytes are proven by name or checksum first, damage is never spread),
/// packs before index before snapshots, so that a leg never shows a snapshot it cannot restore.
/// Deliberate deletions travel last (tombstones of snapshots that were neither merely fenced nor
/// pinned), and to no leg that lacks what the others have; a leg that holds another repository is
/// left alone; two different bodies under one name are reported and left alone. Call
/// MirrorStore::restore_leg for the complete. Needs no keys. Fails: unavailable (no leg answers);
/// cancelled.
Result<SyncReport> sync_legs(store::ObjectStore& store, SyncOptions const& options,
                             std::stop_token stop);

}  // namespace perdure::repository
