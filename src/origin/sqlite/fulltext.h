#pragma once

#include <optional>

#include "origin/sqlite/layout.h"

namespace perdure::origin {

/// FTS3, FTS4, FTS5.
bool is_fulltext(VirtualTable const& table);

enum class TextSource {
    own,       ///< its _content table is the only place where the texts are
    external,  ///< another table or view: content='notes'
    none,      ///< contentless: content=''
};
TextSource text_source(VirtualTable const& table);

/// The table whose rows a full-text table with texts of its own repeats under the same rowids: one
/// whose triggers feed it or whose name it bears, and where nearly all its rowids are found.
Result<std::optional<std::size_t>> repeated_table(Connection& connection, Layout const& layout,
                                                  VirtualTable const& table, std::size_t content);

}  // namespace perdure::origin
