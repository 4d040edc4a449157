#pragma once

#include <string>
#include <vector>

#include "data/schema.h"

namespace perdure::origin {

/// A declared foreign key: rows of `table` whose `columns` equal a row's `parent_columns`.
struct ForeignKey {
    std::string table;
    std::vector<std::string> columns;
    std::string parent;
    std::vector<std::string> parent_columns;
};

/// The foreign keys that a stored schema declares, as its own engine understands them: the tables
/// are made, empty, in memory. Tables that cannot be made there declare none.
/// Empty for engines that we cannot ask. Fails: internal.
Result<std::vector<ForeignKey>> foreign_keys(data::DatabaseSchema const& schema);

}  // namespace perdure::origin
