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

/// The newest backup of a source that ended well and whose snapshot is not known to be gone (the
/// destinations are not asked when `offline`); empty: none, among the last 10,000 runs.
/// Fails: as the log of runs.
Result<std::optional<catalog::Run>> newest_kept_backup(Workspace& workspace,
                                                       std::string const& source, bool offline);

/// Whether the snapshot of a run is there; empty where nobody can tell (another repository's id, or
/// the store does not answer).
std::optional<repository::SessionState> state_of_snapshot(store::ObjectStore& store,
                                                          std::string const& id,
                                                          std::stop_token stop);

}  // namespace perdure::service
