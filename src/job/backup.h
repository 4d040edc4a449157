#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "origin/origin.h"
#include "repository/repository.h"
#include "store/wrap/throttle.h"

namespace perdure::job {

struct BackupRequest {
    std::vector<origin::SourceOptions> sources;
    /// Empty: incremental where a snapshot of the source exists, else full.
    std::optional<repository::SnapshotType> type;
    std::vector<std::string> tags;
    bool dry_run = false;  ///< read and compare everything, write nothing
    /// Goes on without sources that fail: what is left is better kept than not.
    bool past_failed_sources = false;
    /// How fast sources may be read; 0: as fast as they can.
    std::uint64_t read_bytes_per_second = 0;
    repository::Progress progress;
};

struct FailedSource {
    std::string name;
    Error error;
};

struct BackupReport {
    std::optional<repository::Snapshot> snapshot;     ///< none on a dry run, or where all failed
    std::vector<repository::SourceSnapshot> sources;  ///< what was read, per source
    std::vector<FailedSource> failed;                 ///< left out; any: the run is partial
    std::vector<data::Problem> problems;              ///< "source: path"; any: the run is partial
    std::vector<data::Problem> emptied;               ///< sources; no problem: nothing is valid
    std::uint64_t problems_unnamed = 0;               ///< beyond those, counted only
    repository::BlobStatistics statistics;
    std::uint64_t items = 0, bytes_read = 0;
};

/// One snapshot of all the request's sources. A source that fails (is not there, is damaged, its
/// command failed) is left out and named, or ends the run before anything is committed: see the
/// request. Files that cannot be read are named and the run is partial.
Result<BackupReport> backup(repository::Repository& repository, BackupRequest const& request,
                            std::stop_token stop);

struct SourceReading {
    origin::SourceOptions const& source;
    repository::SourceSnapshot const* parent = nullptr;
    store::TokenBucket* pace = nullptr;  ///< null: as fast as it can be read
};
struct SourceOutcome {
    repository::SourceSnapshot snapshot;
    std::optional<Error> failure;  ///< of the source; what is in `snapshot` is worthless then
};
/// Reads one source into the context's writer: a snapshot of it that nobody committed.
/// Fails when the repository does, or is stopped; a source that fails is an outcome.
Result<SourceOutcome> read_source(SourceReading const& reading, repository::WriteContext& context,
                                  std::stop_token stop);

/// The newest snapshot (or newest full one) that holds the source; empty when there is none.
repository::SourceSnapshot const* find_parent(std::vector<repository::Snapshot> const& snapshots,
                                              std::string const& source, std::string const& type,
                                              bool full_only);

}  // namespace perdure::job
