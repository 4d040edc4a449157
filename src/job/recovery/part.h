#pragma once

#include "job/recovery/recovery.h"

namespace perdure::job {

struct PartRequest {
    repository::Snapshot snapshot;
    RecoveryScope scope;
    std::vector<repository::SourceSnapshot const*> sources;  ///< that are selected
    system::Path folder;   ///< each goes to folder/<name>, which must not be there
    system::Path scratch;  ///< empty: TMPDIR
    repository::Progress progress;
};

struct RestoredPart {
    std::string name, type;
    system::Path folder;
    std::vector<origin::TableSummary> tables;  ///< of a database: what was taken of each, and why
    std::uint64_t files = 0;                   ///< files, or media of a database
    /// Of the rows that were taken: as the snapshot has them, equal to what was written.
    std::optional<crypto::Digest> digest;
};
struct PartReport {
    std::vector<RestoredPart> sources;
    std::vector<data::Problem> problems;
};

/// A part of a snapshot into a folder of its own: of a database the whole schema and the chosen
/// rows, with those that belong to them and those that they refer to. Everything is built in a
/// hidden folder and appears under its names at the end.
/// Fails: conflict (PD-0015: a name is taken), corrupt (PD-0014: what was written is not what the
/// snapshot has), not_found, invalid.
Result<PartReport> restore_part(repository::Repository& repository, PartRequest const& request,
                                std::stop_token stop);

}  // namespace perdure::job
