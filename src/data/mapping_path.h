#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace perdure::data {

/// The small path language of a mapping's right-hand sides (docs/CONFIG.md, records):
///   title                                  a column of the record's own table
///   collection_id -> collections.name      through a key column to another table's column
///   memory_tags(memory_id, tag_id) -> tags.name    through a link table, many values
///   media(memory_id).path                  rows of another table that point here, many values
struct MappingPath {
    enum class Kind { column, lookup, link, children } kind = Kind::column;
    std::string column;                 ///< column: its name; lookup: the key column here
    std::string link_table;             ///< link
    std::string link_here, link_there;  ///< link: its columns that point here and there
    std::string table;                  ///< lookup, link: the other table; children: the table
    std::string value;                  ///< the column whose values are wanted
    std::string children_key;           ///< children: their column that points here
    bool many() const { return kind == Kind::link || kind == Kind::children; }
};

/// Names may be written "in quotes" where they hold spaces or signs.
/// Fails: invalid, with what was expected.
Result<MappingPath> parse_mapping_path(std::string const& text);

}  // namespace perdure::data
