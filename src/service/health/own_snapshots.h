#pragma once

#include "repository/lease.h"
#include "repository/upkeep/finding.h"
#include "service/workspace.h"

namespace perdure::service {

/// Snapshots that this machine's log of runs says it made and that the repository knows nothing of:
/// neither there nor deleted; those after the newest that is there: of others their writer's chain
/// tells. Only who made it can know of a hidden newest one, or of a store that was set back.
/// Looks at the backups of the last 90 days, at most 1,000. `snapshots`: all that are there, as
/// Repository::snapshots() just gave them.
Result<std::vector<repository::Finding>> hidden_own_snapshots(
    Workspace& workspace, repository::Repository& repository,
    std::vector<repository::Snapshot> const& snapshots);

/// Whether the snapshot of a run is there; empty where nobody can tell (another repository's id, or
/// the store does not answer).
std::optional<repository::SessionState> state_of_snapshot(store::ObjectStore& store,
                                                          std::string const& id,
                                                          std::stop_token stop);

}  // namespace perdure::service
