#pragma once

#include "job/diff/compare.h"
#include "service/workspace.h"

namespace perdure::service {

struct DiffCall {
    std::string before;               ///< a snapshot
    std::string after;                ///< a snapshot, or "live"
    std::vector<std::string> select;  ///< as data/selector.h; empty: everything
    bool text = false;
    repository::Progress progress;
    std::function<Result<void>(job::RecordChange const&)> each_record;
    std::function<Result<void>(job::FileChange const&)> each_file;
};

struct DiffAnswer {
    repository::Snapshot before;
    std::optional<repository::Snapshot> after;  ///< empty: live
    job::DiffReport report;
};

/// What changed between two snapshots, or since one. Changes nothing anywhere.
/// Fails: not_found (a snapshot, source or type); as job::compare.
Result<DiffAnswer> diff(Workspace& workspace, DiffCall const& call);

/// What selectors may name in snapshots: sources, their record types and tables.
Result<std::vector<data::Selectable>> selectable(
    Workspace& workspace, std::vector<repository::SourceSnapshot const*> const& sources);

}  // namespace perdure::service
