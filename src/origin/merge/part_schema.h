#pragma once

#include <optional>
#include <vector>

#include "data/stream.h"

namespace perdure::origin {

/// The schema of a database that will hold only a part of the rows.
struct PartSchema {
    data::DatabaseSchema schema;
    /// By table of the whole schema: its place in this one, for tables whose rows are settings of a
    /// full-text index, and come along although nobody chose them.
    std::vector<std::optional<std::uint32_t>> settings;
    bool has_settings = false;
    /// What a part cannot have: tables of modules whose own tables mix all records.
    std::vector<data::Problem> problems;
};
PartSchema part_schema(data::DatabaseSchema whole);

}  // namespace perdure::origin
