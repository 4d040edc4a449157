#pragma once

#include "job/recovery/apply.h"
#include "job/recovery/part.h"
#include "job/recovery/plan.h"
#include "service/report/signed_report.h"
#include "service/workspace.h"

namespace perdure::service {

struct PlanCall {
    std::string snapshot = "latest";
    std::optional<Timestamp> at;
    std::vector<std::string> selectors;
    data::RecordFilter filter;
    std::string strategy;         ///< empty: [import].strategy of the configuration
    std::string target = "live";  ///< "live", a folder (each source below it), or a database file
    bool remove = false;
    std::map<std::string, std::string> columns;    ///< --map-column
    std::vector<std::string> map_owner, map_path;  ///< "OLD=NEW" each, of files
    bool numeric_owners = false;
    bool swap = false;     ///< whole databases, in one step
    system::Path output;   ///< empty: a file in the state folder
    system::Path scratch;  ///< empty: TMPDIR
    repository::Progress progress;
};

struct PlanAnswer {
    job::PlanReport report;
    repository::Snapshot snapshot;
    system::Path plan;
    std::optional<std::chrono::seconds> gap;  ///< between `at` and the snapshot
    bool in_place = false;
    std::vector<std::string> confirm;  ///< words that --confirm accepts; the first is shown
};

/// Writes a plan; nothing else changes.
/// Fails: not_found (snapshot, source, record, with the nearest), invalid, conflict.
Result<PlanAnswer> plan_restore(Workspace& workspace, PlanCall const& call);

struct PartAnswer {
    repository::Snapshot snapshot;
    job::PartReport report;
    std::optional<std::chrono::seconds> gap;
};
/// Whether none of the selected sources lies in the folder `call.target` yet.
Result<bool> is_new_place(Workspace& workspace, PlanCall const& call);
/// The selected part into a folder where none of its sources lies yet; asks nothing.
/// Fails: as job::restore_part.
Result<PartAnswer> restore_part(Workspace& workspace, PlanCall const& call);

/// Hears at once what earlier interrupted runs came to, whatever becomes of the command.
using TellSettled = std::function<void(std::vector<std::string> const&)>;

struct ApplyCall {
    system::Path plan;
    std::string confirm;
    std::map<std::string, data::Decision> overrides;  ///< on top of those in the plan
    system::Path scratch;
    repository::Progress progress;
    TellSettled settled;
};
struct ApplyAnswer {
    job::ApplyReport report;
    std::string run;  ///< for `restore undo`; empty: nothing had to be written
    system::Path signed_report;
};
/// Fails: denied (PD-0017: in place without its name); as job::apply_recovery.
Result<ApplyAnswer> apply_restore(Workspace& workspace, ApplyCall const& call);

/// Before the live data are read: what killed restores left among them goes; those that stopped
/// half-way are named.
std::vector<data::Problem> sweep_restores(Workspace& workspace);

struct UndoCall {
    std::string run;
    std::string confirm;
    bool preview = false, partly = false;
    TellSettled settled;
};
struct UndoAnswer {
    job::UndoReport report;
    std::string run;
    system::Path signed_report;
};
Result<UndoAnswer> undo_restore(Workspace& workspace, UndoCall const& call);
/// The runs that can be looked at, newest first.
std::vector<job::RecoveryRun> restore_runs(Workspace& workspace);

}  // namespace perdure::service
