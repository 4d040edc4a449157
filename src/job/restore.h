#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "job/remap/remapped_target.h"
#include "job/source_options.h"
#include "origin/origin.h"
#include "repository/repository.h"

namespace perdure::job {

struct RestoreRequest {
    repository::Snapshot snapshot;
    /// "source" or "source/path/below" (files: folders whole). Empty: everything.
    std::vector<std::string> select;
    system::Path folder;  ///< each source goes to folder/<source name>/
    bool overwrite = false;
    bool owners = true;
    bool durable = true;  ///< false: what is written is thrown away again, nothing is synced
    /// Other owners and paths than the snapshot's; null: numbers and paths as they were.
    std::shared_ptr<Remap const> remap;
    repository::Progress progress;
};

struct RestoredSource {
    std::string name, type;
    system::Path folder;
    std::uint64_t items = 0, bytes = 0;  ///< of what came back
    std::uint64_t lost = 0;
    std::uint64_t erased_subjects = 0, erased_blocks = 0;  ///< left out: their keys are destroyed
};

struct RestoreReport {
    std::vector<RestoredSource> sources;
    std::vector<data::Problem> problems;
    std::uint64_t lost = 0;  ///< problems that are losses: what the repository could not give back
    double duration_s = 0;
};

/// A source that cannot be restored keeps no other from it: it is a loss, and named.
/// Fails: not_found (a selected source or path is not in the snapshot), conflict (target holds
/// something and overwrite is false), corrupt, exhausted.
Result<RestoreReport> restore(repository::Repository& repository, RestoreRequest const& request,
                              std::stop_token stop);

}  // namespace perdure::job
