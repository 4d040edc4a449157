#pragma once

#include "job/drill.h"
#include "job/restore.h"
#include "service/workspace.h"

namespace perdure::service {

struct RestoreCall {
    std::string snapshot = "latest";
    std::optional<Timestamp> at;
    std::vector<std::string> select;  ///< "source" or "source/path"
    system::Path folder;
    std::string confirm;                           ///< the folder's name, where it holds something
    std::vector<std::string> map_owner, map_path;  ///< "OLD=NEW" each
    bool numeric_owners = false;
    repository::Progress progress;
};

struct RestoreAnswer {
    repository::Snapshot snapshot;
    job::RestoreReport report;
    std::optional<std::chrono::seconds> gap;  ///< between `at` and the snapshot
    bool overwrote = false;
};

/// What lies among a repository's objects would be taken for them, or go with them.
/// Fails: invalid (the folder is that of a destination, or lies in it).
Result<void> check_place(Workspace const& workspace, system::Path const& folder);

/// Restores into a folder; one that is new or empty asks nothing.
/// Fails: denied (PD-0017: the folder holds something and `confirm` is not its name).
Result<RestoreAnswer> restore(Workspace& workspace, RestoreCall const& call);

/// What a restore will read, for a progress bar; 0 where it is not known.
std::uint64_t expected_bytes(repository::Snapshot const& snapshot,
                             std::vector<std::string> const& select);

struct DrillCall {
    std::string snapshot = "latest";
    std::vector<std::string> sources;
    system::Path scratch;  ///< empty: TMPDIR
    repository::Progress progress;
};
/// Restores into a scratch folder, checks and compares; recorded per source.
Result<job::DrillReport> drill(Workspace& workspace, DrillCall const& call);

}  // namespace perdure::service
