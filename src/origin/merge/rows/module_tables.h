#pragma once

#include <optional>
#include <string>

#include "origin/merge/pair.h"

// Virtual tables keep their rows in shadow tables that only their module may write: a full-text
// index, an R-Tree, whatever an extension brings along.

namespace perdure::origin {

struct ModuleTable {
    enum class Kind {
        own,       ///< rows of its own, compared and written one by one through the module
        followed,  ///< it repeats rows of another table and is changed with them
        opaque,    ///< nobody can look at its rows one by one: `reason` says why
    } kind = Kind::own;
    std::string reason;
    std::vector<std::string> columns;  ///< of `own`: those that are not hidden
};

/// Adds pairs for the snapshot's virtual tables that have rows of their own, and refuses ordinary
/// tables whose index cannot be kept in step.
Result<void> pair_modules(Connection& connection, Layout const& snapshot, Layout const& target,
                          Pairing& pairing);

/// What a restore can do with `table` of the database `schema` ("main", "snap") whose layout it is.
Result<ModuleTable> judge_module(Connection& connection, Layout const& layout,
                                 VirtualTable const& table, std::string const& schema);

/// Whether a trigger of the ordinary table `source` in `main` writes into the virtual table `text`,
/// which then holds its rows under their rowids.
Result<bool> is_fed_by(Connection& connection, std::string const& text, std::string const& source);

/// The tables that hold what is in a virtual table.
std::vector<std::string> shadows_of(Layout const& layout, VirtualTable const& table);
/// Whether any of the tables differs between the two databases.
Result<bool> shadows_differ(Connection& connection, std::vector<std::string> const& tables);

/// content='notes' → "notes"; empty: it names none.
std::string content_table(VirtualTable const& text);

/// Tables of a snapshot that can be named in a selector: ordinary ones, and virtual ones that hold
/// rows of their own.
std::vector<std::string> row_tables(data::DatabaseSchema const& schema);

}  // namespace perdure::origin
