#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/json.h"
#include "job/recovery/plan_file.h"
#include "origin/merge/merge.h"
#include "repository/repository.h"

namespace perdure::job {

/// What a restore of a part is about: everything that decides what its plan says.
struct RecoveryScope {
    std::vector<data::Selector> selectors;  ///< empty: everything
    data::RecordFilter filter;
    data::Strategy strategy = data::Strategy::keep_newer;
    bool remove = false;                           ///< --delete
    std::map<std::string, std::string> columns;    ///< --map-column
    std::vector<std::string> map_owner, map_path;  ///< "OLD=NEW" each, for files
    bool numeric_owners = false;
    bool swap = false;  ///< --swap: databases are replaced as a whole
    Timestamp now;
};
data::Json scope_to_json(RecoveryScope const& scope);
/// Fails: invalid.
Result<RecoveryScope> scope_from_json(data::Json const& json);

/// Where one source of the snapshot goes.
struct RecoveryPlace {
    repository::SourceSnapshot const* source = nullptr;
    origin::SourceOptions target;  ///< path of the database or folder; media folder
    /// For people and for --confirm: the source's name, or the folder's.
    std::string name;
    bool fresh = false;  ///< just made, and empty
};

/// A source of a snapshot, brought back into a scratch file of its own. Its media are not read.
struct BroughtBack {
    std::optional<system::ScratchFolder> folder;
    origin::SourceOptions options;  ///< with the mapping that the snapshot remembers
    std::vector<data::Problem> problems;
    std::uint64_t erased_subjects = 0, lost = 0, bytes = 0;
    bool media_differ = false;
};
/// `live_media`: the folder that the snapshot's media are compared with by size and time, to know
/// whether any of them has to be read.
Result<BroughtBack> bring_back_rows(repository::Repository& repository,
                                    repository::SourceSnapshot const& source,
                                    system::Path const& scratch_parent,
                                    system::Path const& live_media,
                                    repository::Progress const& progress, std::stop_token stop);

/// What restoring the rows of a source, without its media, came to.
struct RowsBack {
    std::vector<data::Problem> problems;
    std::uint64_t erased_subjects = 0, lost = 0;
    bool media_differ = false;
};
Result<RowsBack> rows_into(repository::Repository& repository,
                           repository::SourceSnapshot const& source,
                           origin::SourceOptions const& options,
                           origin::TargetOptions const& target, system::Path const& live_media,
                           repository::Progress const& progress, std::stop_token stop);

/// The selectors of one source; nothing when it is not selected at all.
std::optional<std::vector<data::Selector>> selectors_of(RecoveryScope const& scope,
                                                        std::string const& source);

/// The merge of one database, opened. Fails: as Merge::open; invalid (--delete where the snapshot
/// does not give back everything).
Result<std::unique_ptr<origin::Merge>> open_merge(BroughtBack const& copy,
                                                  RecoveryPlace const& place,
                                                  RecoveryScope const& scope,
                                                  std::map<std::string, data::Decision> overrides,
                                                  origin::Merge::Mode mode, std::stop_token stop);

/// Compares, hands each item as a line of the plan to `take`, and sums up.
Result<data::Json> compare_merge(origin::Merge& merge, RecoveryPlace const& place,
                                 std::function<Result<void>(data::Json const&)> const& take,
                                 std::stop_token stop);

}  // namespace perdure::job
