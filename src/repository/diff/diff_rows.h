#pragma once

#include "data/value.h"
#include "repository/rows/read_blocks.h"

namespace perdure::repository {

/// One row that two stored databases tell different things about. Views live during the call.
struct RowDifference {
    enum class Kind { added, removed, changed } kind = Kind::changed;
    data::TableSchema const* before_table = nullptr;  ///< null where that side has no such table
    data::TableSchema const* after_table = nullptr;
    ByteView key;               ///< what the rows were joined by
    bool key_is_rowid = false;  ///< 8 bytes, big-endian, sign bit flipped
    ByteView before, after;     ///< encoded values of the non-generated columns
    bool owner = false;         ///< the row went from one person (or nobody) to another
};

/// A media file of a database that differs. Views live during the call.
struct MediaDifference {
    RowDifference::Kind kind = RowDifference::Kind::changed;
    std::string path;
    std::optional<data::Entry> before, after;
    BlobList before_list, after_list;
    DomainPtr before_domain, after_domain;
    bool content = false, owner = false;
};

struct RowsDiffOptions {
    /// In the order of (table as in `after`, tables that only `before` has last; key).
    std::function<Result<void>(RowDifference const&)> each;
    std::function<Result<void>(MediaDifference const&)> each_media;
    /// Whether rows of this table are wanted; empty: of all.
    std::function<bool(std::string const& table)> wanted;
};

struct RowsDiffReport {
    data::DatabaseSchema before, after;
    std::uint64_t blocks_read = 0;      ///< of both sides; all others were equal
    std::uint64_t erased_subjects = 0;  ///< people whose blocks differ and can be read no more
    std::uint64_t erased_blocks = 0;
};

/// Joins two stored databases row by row, reading only the roster blobs and row blocks that differ.
/// Rows are joined by declared primary key (by rowid where there is none), so neither a move to
/// another person nor a VACUUM that renumbers makes a change. Either source may be null: empty.
/// Memory: two sort runs (64 MiB), 100 B a block that differs. Disk: the rows of differing blocks,
/// sealed, beyond that.
/// Fails: corrupt; cancelled; what the callbacks fail with; exhausted (spill disk).
Result<RowsDiffReport> diff_rows(SourceSnapshot const* before, SourceSnapshot const* after,
                                 RowsDiffOptions const& options, ReadContext& context,
                                 std::stop_token stop);

/// A column and its values; one is empty where that side has no such column or row.
struct FieldDifference {
    std::string column;
    std::optional<data::Value> before, after;
};
/// The columns that differ, in table order; of an added or removed row all of them. A column that
/// only one side has counts when its value is not NULL. Fails: corrupt.
Result<std::vector<FieldDifference>> differing_fields(RowDifference const& row);

/// The values of a row by column name, generated columns left out. Fails: corrupt.
Result<std::vector<std::pair<std::string, data::Value>>> decode_fields(
    data::TableSchema const& table, ByteView payload);

/// The key as people write it: "17", or "a/b" for a key of two columns. Text that is no UTF-8 and
/// bytes as x'hex'. Fails: corrupt.
Result<std::string> row_id(data::TableSchema const& table, ByteView rowid_key, ByteView payload);

/// A difference in structure: a table, column, index, view or trigger.
struct SchemaDifference {
    std::string what;           ///< "table", "column", "index", "view", "trigger", "setting"
    std::string name;           ///< "memories", "memories.rating"
    std::string before, after;  ///< declared type, SQL or value; empty: absent on that side
};
std::vector<SchemaDifference> differing_schema(data::DatabaseSchema const& before,
                                               data::DatabaseSchema const& after);

}  // namespace perdure::repository
