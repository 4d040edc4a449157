#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "origin/sqlite/handle.h"

namespace perdure::origin {

/// What a database lets stand only once in a table.
struct UniqueIndex {
    struct Part {
        std::string column;     ///< empty: an expression
        std::string sql;        ///< of both, over the table's columns
        std::string collation;  ///< by which its values are compared
        bool operator==(Part const&) const = default;
    };
    std::vector<Part> parts;
    std::string condition;  ///< SQL: the rows that it is about; empty: all
    bool primary = false;   ///< it is the primary key's
    /// The snapshot's rows may collide under it: their own schema had no such index.
    bool newer = false;

    /// Columns only, of all rows.
    bool is_plain() const;
    std::vector<std::string> columns() const;
    /// "a COLLATE "NOCASE" = ?1 AND …", with the columns of `alias`.
    std::string equals(std::string const& alias) const;
    /// "(lower(a)), (b)": what it compares, over the table's columns.
    std::string sides() const;
    /// Its condition, as a term.
    std::string applies() const;
    /// SQL that yields sides() of one row, whose values are ?1 … in the order of `columns`, or no
    /// row where the index is not about it. Cannot be prepared where other columns are asked for.
    std::string of_row(std::vector<std::string> const& columns) const;
};

/// Of the table in the database `schema` ("main", "snap"). Indexes that name the rowid are not
/// among them: no two rows can collide there.
Result<std::vector<UniqueIndex>> unique_indexes(Connection& connection, std::string const& schema,
                                                std::string const& table);

/// A CREATE INDEX, taken apart: what is between its brackets, without ASC and DESC, and what stands
/// behind its WHERE.
struct IndexText {
    std::vector<std::string> terms;
    std::string condition;
};
IndexText read_index(std::string_view sql);

}  // namespace perdure::origin
