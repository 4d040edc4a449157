#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "data/schema.h"
#include "origin/sqlite/handle.h"

namespace perdure::origin {

/// How the key of a table's rows is made.
enum class KeyKind {
    rowid,        ///< 8 bytes, big-endian, sign bit flipped
    primary_key,  ///< the primary key's values, encoded to keep their order
    ordinal,      ///< the row's position: all three names of the rowid are hidden by columns
};

/// What it takes to read or write one table's rows.
struct TableLayout {
    KeyKind key = KeyKind::rowid;
    std::string rowid_name;               ///< an alias of the rowid that no column hides, or empty
    bool rowid_is_column = false;         ///< INTEGER PRIMARY KEY: a column repeats the rowid
    std::vector<std::size_t> stored;      ///< positions of the non-generated columns
    std::vector<std::size_t> key_values;  ///< positions in `stored` of the key, in key order
    std::vector<bool> not_null;           ///< by position in `stored`
};

struct VirtualTable {
    std::string name, module;            ///< module in lower case
    std::vector<std::string> arguments;  ///< as written, trimmed
    std::string sql;
};

/// The structure of a database as a reader needs it.
struct Layout {
    data::DatabaseSchema schema;
    std::vector<TableLayout> tables;  ///< same positions as schema.tables
    std::vector<VirtualTable> virtual_tables;
};

/// Reads sqlite_schema in rowid order, and the settings that a restored copy must have.
/// sqlite_stat2, 3 and 4 are passed over: they hold sampled values of people's rows; ANALYZE makes
/// them again. Fails: corrupt; and what reading fails with.
Result<Layout> read_layout(Connection& connection, bool is_wal);

/// The layout of one table that exists in `connection`.
Result<TableLayout> read_table(Connection& connection, data::TableSchema& table);

/// "CREATE VIRTUAL TABLE x USING module(a, b)" → its parts. Empty module when it is no such text.
VirtualTable parse_virtual_table(std::string name, std::string sql);

/// The stored columns that the generated column at `column` is computed from, as far as the table's
/// text tells; over other generated columns, too.
std::vector<std::string> computed_from(data::TableSchema const& table, std::string_view sql,
                                       std::size_t column);

/// The endings of the module's shadow tables ("_content"…); empty for modules that we do not know.
std::vector<std::string_view> shadow_endings(std::string_view module);

}  // namespace perdure::origin
