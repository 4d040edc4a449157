#pragma once

#include "repository/snapshot.h"
#include "repository/upkeep/finding.h"
#include "store/object_store.h"

namespace perdure::repository {

/// The snapshots that the chains of the writers (sequence, previous) name and that are not there,
/// one finding a writer. `gone` is how many snapshots were deleted, given up or cannot be read:
/// each explains one missing number, and only what is left over is a gap. Two snapshots of one
/// number (two sessions at once, a destination that was away) are none.
///
/// Finds no hidden snapshot that is its writer's newest, and none that as many deletions of others
/// would explain: a tombstone does not say whose snapshot, with which number, it stands for.
std::vector<Finding> chain_gaps(std::vector<Snapshot> const& snapshots, std::uint64_t gone);

/// The gaps of a store that holds these snapshots, as Repository::snapshots() gave them before.
/// What was given up (fence/) took no number, and explains none. Fails: as ObjectStore::list.
Result<std::vector<Finding>> find_gaps(store::ObjectStore& store,
                                       std::vector<Snapshot> const& snapshots,
                                       std::stop_token stop);

}  // namespace perdure::repository
