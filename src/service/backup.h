#pragma once

#include "job/backup.h"
#include "service/workspace.h"

namespace perdure::service {

struct BackupCall {
    std::vector<std::string> sources;  ///< empty: all
    std::optional<repository::SnapshotType> type;
    std::vector<std::string> tags;
    bool dry_run = false;
    repository::Progress progress;
};

struct BackupAnswer {
    job::BackupReport report;
    std::vector<store::LegHealth> destinations;
    std::vector<data::Problem> problems;  ///< of the report, and destinations that were missed
    std::uint64_t problems_total() const { return problems.size() + report.problems_unnamed; }
    double duration_s = 0;
    std::int64_t run = 0;
};

/// Quiesce → backup → resume, recorded. A destination that was missed makes it partial; fewer than
/// the quorum make it fail (unavailable, PD-0013) although what was stored stays stored.
Result<BackupAnswer> backup(Workspace& workspace, BackupCall const& call);

}  // namespace perdure::service
