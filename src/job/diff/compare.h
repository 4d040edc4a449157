#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "data/selector.h"
#include "job/diff/text_diff.h"
#include "origin/origin.h"
#include "repository/diff/diff_rows.h"
#include "repository/diff/diff_trees.h"
#include "repository/repository.h"

namespace perdure::job {

enum class ChangeKind { added, removed, changed };
std::string_view change_name(ChangeKind kind);

/// A record that differs: a row, named by its mapping where there is one.
struct RecordChange {
    std::string source, table;
    std::string type;   ///< record type of the mapping; empty: unmapped
    std::string id;     ///< the key as text, "a/b" for two columns
    std::string title;  ///< of mapped records that have one
    ChangeKind kind = ChangeKind::changed;
    bool owner = false;  ///< it belongs to another person now
    /// Text is UTF-8 whatever the database's encoding.
    std::vector<repository::FieldDifference> fields;
};

/// A file that differs: of a tree, or a database's media (`media`).
struct FileChange {
    std::string source, path;
    ChangeKind kind = ChangeKind::changed;
    bool media = false;
    bool content = false;                 ///< of changed ones: the bytes differ
    std::vector<std::string> properties;  ///< "mode", "owner", "modified"…
    std::optional<data::Entry> before, after;
    std::vector<TextHunk> text;  ///< when asked for and both sides are text of at most 4 MiB
};

/// What changed in one table or one folder of the first level.
struct GroupDifference {
    std::string name;  ///< table; folder; "." for files of the root; "(media)"
    std::uint64_t added = 0, removed = 0, changed = 0;
    std::uint64_t bytes_before = 0, bytes_after = 0;  ///< of what differs
    bool shadow = false;  ///< a virtual table's own: counted, not listed
};

struct SourceDifference {
    std::string name, type;
    bool rows = false;
    bool before = true, after = true;  ///< whether that side has the source at all
    std::uint64_t items_before = 0, items_after = 0;
    std::vector<repository::SchemaDifference> schema;
    std::vector<GroupDifference> groups;  ///< those with a difference, by name
    std::uint64_t erased_subjects = 0;    ///< people whose differing rows can be read no more
    std::uint64_t blocks_read = 0;
};

struct DiffRequest {
    repository::Snapshot before;
    std::optional<repository::Snapshot> after;  ///< empty: the live sources
    std::vector<origin::SourceOptions> live;    ///< where `after` is empty
    std::vector<data::Selector> select;         ///< empty: everything
    bool text = false;
    system::Path scratch_parent;
    repository::Progress progress;  ///< while the live sources are read
    std::function<Result<void>(RecordChange const&)> each_record;
    std::function<Result<void>(FileChange const&)> each_file;
};

struct DiffReport {
    std::vector<SourceDifference> sources;  ///< all that were compared, also equal ones
    std::vector<data::Problem> problems;    ///< live files that could not be read
    std::uint64_t differences = 0;
};

/// Compares two snapshots, or a snapshot with what is live now. Of snapshots only what differs is
/// read; of a live tree only files that changed since, of a live database all rows.
/// Fails: invalid; corrupt; what the callbacks and origins fail with.
Result<DiffReport> compare(repository::Repository& repository, DiffRequest const& request,
                           std::stop_token stop);

}  // namespace perdure::job
