#pragma once

#include "job/recovery/recovery.h"

namespace perdure::job {

struct PlanRequest {
    repository::Snapshot snapshot;
    RecoveryScope scope;
    std::vector<RecoveryPlace> places;  ///< one a source of the snapshot that is selected
    data::Json header;                  ///< more of it: target, paths, repository
    system::Path scratch;               ///< parent of the scratch folders; empty: TMPDIR
    system::Path output;
    /// Rows and files a second that earlier restores wrote; empty: none ran yet.
    std::optional<double> items_per_s;
    std::optional<double> safety_s;  ///< how long the last backup took
    repository::Progress progress;
};

struct PlanReport {
    data::Json header, summary;
    std::string digest;
    std::vector<data::Problem> problems;  ///< what the snapshot could not give back
};

/// Writes the plan. Changes nothing else. Fails: as Merge::open; not_found, invalid.
Result<PlanReport> plan_recovery(repository::Repository& repository, PlanRequest const& request,
                                 std::stop_token stop);

/// How many records and files a summary would write: all decisions that may write, and deletes.
std::uint64_t writes_of(data::Json const& summary);

/// What cannot be put back: a line a table, and one for the files of a source. Databases that are
/// replaced as a whole block nothing.
std::vector<data::Problem> blocked_of(data::Json const& summary);

}  // namespace perdure::job
