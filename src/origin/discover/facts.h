#pragma once

#include <optional>
#include <string>
#include <vector>

#include "origin/sqlite/layout.h"

namespace perdure::origin {

/// What a sample of a column's values looks like. Shares are of the sampled values that are not
/// NULL.
struct ColumnFacts {
    std::string name;         ///< as it stands in the database
    std::string bare;         ///< lower case, without what its neighbours' names share
    std::string type;         ///< declared, lower case
    std::size_t sampled = 0;  ///< not NULL
    std::size_t distinct = 0;
    double text = 0, integer = 0, blob = 0;
    double dates = 0;  ///< ISO 8601 text, or numbers that are plausible instants
    double emails = 0, paths = 0, html = 0, markdown = 0, json = 0;
    double letters_mean = 0;     ///< bytes of the texts
    std::size_t blob_bytes = 0;  ///< when all blobs have one size
};

struct Reference {
    std::size_t column = 0, table = 0, target = 0;  ///< column → table.target
    bool declared = true;                           ///< a foreign key; else found by its values
    double certainty = 1;
};

struct TableFacts {
    std::string name;
    std::uint64_t rows = 0;
    std::vector<ColumnFacts> columns;
    std::vector<Reference> references;
    std::optional<std::size_t> key;  ///< the single column of the primary key
    bool skipped = false;            ///< SQLite's own, or a shadow table
};

/// Samples up to 200 rows of every table. References that no foreign key declares are added where a
/// column is named like another table's key and nearly all its sampled values are found there.
Result<std::vector<TableFacts>> read_facts(Connection& connection, Layout const& layout);

/// Adds the reference column → target's key to table `from` if its sampled values bear it out (0.6
/// where the table is empty). True: added.
Result<bool> imply_reference(Connection& connection, std::vector<TableFacts>& tables,
                             Reference const& candidate, std::size_t from);

/// Position of a table by its singular name in any case ("user" finds "Users").
std::optional<std::size_t> table_named(std::vector<TableFacts> const& tables,
                                       std::string_view name);

}  // namespace perdure::origin
