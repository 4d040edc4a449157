#pragma once

#include <string>
#include <vector>

#include "origin/sqlite/handle.h"

namespace perdure::origin {

/// A foreign key as a database declares it.
struct TableReference {
    std::string parent;
    /// By position. `to` is the parent's primary key where none is named, and empty where the
    /// parent is not there either.
    std::vector<std::string> from, to;
};

/// Of the table in the database `schema` ("main", "snap"), in SQLite's own order.
Result<std::vector<TableReference>> references_of(Connection& connection, std::string const& schema,
                                                  std::string const& table);

}  // namespace perdure::origin
