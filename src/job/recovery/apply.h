#pragma once

#include "job/recovery/recovery.h"
#include "job/recovery/run_folder.h"

namespace perdure::job {

struct ApplyRequest {
    repository::Snapshot snapshot;
    RecoveryScope scope;
    std::vector<RecoveryPlace> places;
    Plan plan;
    system::Path recovery;  ///< folder of runs
    std::string run;        ///< id
    system::Path scratch;
    /// Backs up what is about to be changed; the id of the snapshot. Places whose database is not
    /// there, or cannot be read, are not among them.
    std::function<Result<std::string>(std::vector<RecoveryPlace const*> const&)> safety;
    repository::Progress progress;
};

struct ApplyReport {
    data::Json sources;  ///< summaries, as in a plan, with what the overrides made of them
    std::uint64_t writes = 0;
    std::uint64_t verified = 0;       ///< changes read back after the commit
    std::uint64_t changed_since = 0;  ///< that the application changed again in between
    std::string safety;
    std::vector<data::Problem> problems;
    double locked_s = 0;                   ///< how long the application could not write
    std::vector<std::string> kept_beside;  ///< databases that no snapshot could take
};

/// Does what the plan says. Nothing is written unless target and snapshot are what the plan saw.
/// Fails: conflict (PD-0015: stale, or a constraint; nothing was changed), unavailable (locked).
Result<ApplyReport> apply_recovery(repository::Repository& repository, ApplyRequest const& request,
                                   std::stop_token stop);

struct UndoRequest {
    system::Path recovery;
    std::string run, undo_run;  ///< the run to take back, and the id of this one
    bool preview = false;       ///< judge only
    bool partly = false;        ///< go on where something has to stay
    std::function<Result<void>(origin::UndoItem const&)> tell;
};
struct UndoReport {
    std::uint64_t back = 0, merged = 0, already = 0, kept = 0;
    std::vector<origin::UndoItem> stays;  ///< the first 1,000 that stay, with reasons
    /// What is back and not quite as it was: an owner that this user cannot set, say.
    std::vector<data::Problem> problems;
};
/// Fails: conflict (PD-0015: something has to stay and `partly` is not set; or undone before),
/// corrupt (PD-0014: the state before cannot be read, and `partly` is not set).
Result<UndoReport> undo_recovery(repository::Repository& repository, UndoRequest const& request,
                                 std::stop_token stop);

/// Clears the stages of a run that ended. A damaged database that was replaced is put beside first.
Result<std::vector<std::string>> drop_stages(RunFolder const& folder,
                                             repository::DomainPtr const& domain);

/// Takes away what killed restores left beside live data that they had not changed, or had changed
/// altogether. The runs that stopped in between, which only settle_runs puts right: it changes live
/// data, and so is asked for by a person.
Result<std::vector<std::string>> sweep_runs(repository::Repository& repository,
                                            system::Path const& recovery);

/// Puts right what a crash left: every run ends done or rolled back. What was done, a line each.
Result<std::vector<std::string>> settle_runs(repository::Repository& repository,
                                             system::Path const& recovery, std::stop_token stop);

}  // namespace perdure::job
