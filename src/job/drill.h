#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "origin/origin.h"
#include "repository/repository.h"

namespace perdure::job {

/// A statement the application's data must fulfil after a restore: `[source.X.invariants]`.
struct Invariant {
    std::string name;
    std::string sql;                   ///< must return no rows (sqlite sources)
    std::vector<std::string> command;  ///< must exit 0; PERDURE_RESTORED names the folder
};

struct DrillRequest {
    repository::Snapshot snapshot;
    std::vector<std::string> sources;  ///< empty: all of the snapshot
    /// Sources as the config knows them; where given and unchanged since, the digest is computed
    /// from the live source itself. By source name.
    std::map<std::string, origin::SourceOptions> live;
    std::map<std::string, std::vector<Invariant>> invariants;
    system::Path scratch_parent;  ///< empty: TMPDIR
    repository::Progress progress;
};

enum class Equality {
    equal_to_live,      ///< digest of the restored copy = digest of the live source, read afresh
    equal_to_recorded,  ///< = digest the origin computed from the source while it was backed up
    changed_since,      ///< all that differs from live was changed there after the backup began
    as_permitted,       ///< equal, but for owners and unreadable files, which need another user
    not_comparable,     ///< erased persons were left out, or there is nothing to compare with
    different,          ///< the restore is not what was backed up
};

struct DrilledSource {
    std::string name, type;
    Equality equality = Equality::different;
    data::LogicalDigest expected, restored;
    std::vector<data::Problem> problems;  ///< integrity, foreign keys, invariants
    /// What only the application can make or judge (indexes by its collations and functions): all
    /// rows are equal, and these are told. So are faults that the live source has itself.
    std::vector<data::Problem> not_judged;
    std::uint64_t erased_subjects = 0;
    double restore_s = 0;  ///< part of the measured RTO
    bool passed() const { return problems.empty() && equality != Equality::different; }
};

struct DrillReport {
    std::string snapshot_id;
    Timestamp taken, drilled;  ///< their difference is the measured RPO
    std::vector<DrilledSource> sources;
    double rto_s = 0;  ///< open to verified
    bool passed() const;
};

/// Restores into a scratch folder that is removed afterwards, checks, and compares digests. What
/// does not pass is in the report. Fails: not_found (the snapshot holds none of `sources`);
/// exhausted (no room for the copy); cancelled; what opening the repository's objects fails with.
Result<DrillReport> drill(repository::Repository& repository, DrillRequest const& request,
                          std::stop_token stop);

}  // namespace perdure::job
