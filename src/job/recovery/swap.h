#pragma once

#include <optional>
#include <string>
#include <vector>

#include "job/recovery/recovery.h"
#include "job/recovery/run_folder.h"
#include "origin/merge/files/file_swap.h"
#include "origin/merge/sole_hold.h"

namespace perdure::job {

/// What a live database is, in a word that changes when, and only when, its content does:
/// "digest …", "absent", or "unreadable …" with the hash of its bytes.
struct LiveState {
    std::string text;
    bool there() const { return text != "absent"; }
    bool readable() const { return text.starts_with("digest "); }
};
Result<LiveState> live_state(system::Path const& database, std::stop_token stop);

/// Whether a snapshot can take all that is in a readable database: not where columns are masked,
/// or where the configured mapping does not fit its schema. Fails: unavailable, denied, cancelled.
Result<bool> can_be_saved(origin::SourceOptions const& database, std::stop_token stop);

/// A whole database beside the live one, complete and checked, ready to take its name.
struct SwapAtWork {
    LiveState before, after;
    std::vector<origin::FileChange> changes;  ///< in the database's folder
    std::optional<origin::SoleHold> hold;     ///< nobody else has the live one open
    std::vector<data::Problem> problems;
};
/// Builds it in `<folder of the database>/<stage>/1`; `source` null: what is there goes away.
/// Fails: unavailable (PD-0011: the database is open), conflict (PD-0015: it changed meanwhile),
/// corrupt (PD-0014: the snapshot does not give back everything, or the copy is not equal to it).
Result<SwapAtWork> stage_swap(repository::Repository& repository,
                              repository::SourceSnapshot const* source,
                              system::Path const& database, std::string const& stage,
                              repository::Progress const& progress, std::stop_token stop);
/// One exchange of names; undone again when somebody opened the database at that very moment.
Result<void> swap_database(SwapAtWork& work, system::Path const& database,
                           std::string const& stage);

/// The name under which a damaged database stays beside the restored one.
system::Path damaged_name(system::Path const& file, std::string const& run);
/// The damaged databases that a run's swap of source `at` moved into the stage, each beside its
/// name; `kept` gets where they are.
Result<void> put_damaged_beside(RunFolder const& folder, std::size_t at,
                                repository::DomainPtr const& domain,
                                std::vector<std::string>& kept);

}  // namespace perdure::job
