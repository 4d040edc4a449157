#pragma once

#include "policy/retention.h"
#include "repository/keyring/retire/retire.h"
#include "repository/upkeep/collect/collect.h"
#include "repository/upkeep/repair/repair.h"
#include "repository/upkeep/repair/sync.h"
#include "repository/upkeep/statistics.h"
#include "repository/upkeep/verify/verify.h"
#include "service/workspace.h"

namespace perdure::service {

struct VerifyCall {
    std::string snapshot;  ///< empty: the whole repository
    bool read_data = false;
    std::optional<double> sample;  ///< fraction of the packs' bytes
    repository::UpkeepProgress progress;
};
struct VerifyAnswer {
    std::optional<repository::Snapshot> snapshot;
    repository::VerifyReport report;
    std::vector<data::Problem> damaged_snapshots;
    std::vector<data::Problem> misplaced_keys;  ///< no damage: keys where none should lie
    /// Of the whole repository: what is not there, is not its, or lacks something.
    std::vector<data::Problem> destinations;
    bool passed() const { return report.passed() && damaged_snapshots.empty(); }
};
/// Looks, changes nothing. Recorded as "verify" about every source.
Result<VerifyAnswer> verify(Workspace& workspace, VerifyCall const& call);

struct RepairCall {
    bool dry_run = false;
    repository::UpkeepProgress progress;
};
struct RepairAnswer {
    repository::RepairReport report;
    /// What no repair brings back: a check goes on naming it.
    std::vector<repository::Finding> gaps;
    std::vector<data::Problem> destinations;  ///< that were not looked at, and why
};
Result<RepairAnswer> repair(Workspace& workspace, RepairCall const& call);

struct CompactCall {
    bool dry_run = false;
    std::string confirm;  ///< the repository's name: although snapshots are missing
    std::optional<std::chrono::seconds> grace;
    repository::UpkeepProgress progress;
};
struct CompactAnswer {
    repository::CollectReport report;
    /// Old keys that could not be destroyed somewhere; damage that kept packs from going.
    std::vector<data::Problem> problems;
};
Result<CompactAnswer> compact(Workspace& workspace, CompactCall const& call);

struct SyncAnswer {
    repository::SyncReport report;
    std::vector<repository::RetiredPlace> retired;  ///< no key homes any more; on a dry run: to be
    /// Destinations that are not complete; old keys that could not be destroyed somewhere.
    std::vector<data::Problem> problems;
};
Result<SyncAnswer> sync(Workspace& workspace, bool dry_run, repository::UpkeepProgress progress);
Result<repository::RepositoryStatistics> statistics(Workspace& workspace);

struct RetentionCall {
    std::optional<policy::RetentionRules> rules;  ///< none: [retention.default], or the only one
    bool dry_run = false;
};
struct JudgedSnapshot {
    repository::Snapshot snapshot;
    policy::Verdict verdict;
    bool removed = false;
};
struct RetentionAnswer {
    policy::RetentionRules rules;
    std::string rules_from;              ///< "[retention.default]" or "command line"
    std::vector<JudgedSnapshot> judged;  ///< newest first
    std::vector<data::Problem> problems;
};
/// Judges every snapshot and, unless dry, deletes those that no rule keeps. Space comes back with
/// compact(). Fails: invalid (no rules).
Result<RetentionAnswer> apply_retention(Workspace& workspace, RetentionCall const& call);

}  // namespace perdure::service
