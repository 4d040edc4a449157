#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "data/selector.h"
#include "repository/diff/diff_rows.h"
#include "repository/repository.h"
#include "system/file.h"

namespace perdure::job {

/// One state of a record or file, and the stretch of snapshots that hold it.
struct Version {
    std::size_t number = 0;             ///< 1: the oldest
    std::size_t first = 0, last = 0;    ///< positions in HistoryRequest::snapshots
    std::optional<std::size_t> before;  ///< the snapshot before `first` that had something else
    bool absent = false;                ///< the source is there, the record or file is not
    bool owner_changed = false;         ///< since the version before
    /// Against the version before; of the first one all fields.
    std::vector<repository::FieldDifference> fields;
    std::vector<std::pair<std::string, data::Value>> values;  ///< of a record, all of it
    std::optional<data::Entry> entry;                         ///< of a file
    bool content_changed = false;
    std::vector<std::string> properties;
};

/// Rows that refer to the record by a foreign key.
struct Referrer {
    std::string table, column, id;
    std::size_t first = 0, last = 0;  ///< in which snapshots
};

struct HistoryRequest {
    std::vector<repository::Snapshot> snapshots;  ///< oldest first
    data::Selector what;                          ///< a record, or one path
    std::size_t referrers_max = 1000;
    /// Writes this version's content below `folder` (made when missing); 0: none.
    std::size_t restore = 0;
    system::Path folder;
};

struct HistoryReport {
    std::string table, type, title;  ///< of a record
    bool file = false;
    std::vector<Version> versions;  ///< oldest first, absences included
    std::vector<Referrer> referrers;
    std::uint64_t referrers_total = 0;
    std::uint64_t erased_subjects = 0;   ///< people in whose rows it may have lain
    std::vector<system::Path> restored;  ///< what was written
    std::vector<data::Problem> problems;
};

/// Every version of one record or file over all snapshots. A record costs one look at each distinct
/// row block; a file one path a snapshot.
/// Fails: not_found (no snapshot holds it); invalid (a pattern, or no such version); conflict (the
/// folder holds that name already); corrupt; cancelled.
Result<HistoryReport> history(repository::Repository& repository, HistoryRequest const& request,
                              std::stop_token stop);

}  // namespace perdure::job
