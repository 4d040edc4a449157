#pragma once

#include "origin/merge/compare.h"

namespace perdure::origin {

/// Rows of the target that hold what a unique index lets stand only once.
class Clashes {
public:
    /// Indexes whose columns are all carried over; the rest (expressions, say) is left to the
    /// database itself.
    static Result<Clashes> prepare(Stage const& stage, std::size_t pair);

    struct Found {
        std::string columns, holder;  ///< "name", and the key of the row that holds the value
        int column = 0;               ///< position in TablePair::columns of the first one
        bool in_snapshot = false;     ///< the snapshot has a row of the holder's key too
        bool chosen = false;          ///< and that one was chosen; else: --delete may reach it
    };
    /// `row` stands on a row of the snapshot whose first columns are TablePair::columns; `own` is
    /// the key of its row in the target, or empty.
    Result<std::optional<Found>> find(Statement const& row, std::string const& own);

private:
    struct Index {
        std::vector<std::string> columns;
        std::vector<int> positions;
        Statement find, chosen;  ///< chosen: of the row that `find` found
        Statement applies;       ///< of an index over some rows: whether this is one; else empty
    };
    std::vector<Index> indexes_;
};

/// Key columns as data::spell_key writes them, joined by '/'.
std::string key_text(Statement const& row, std::vector<int> const& columns);

}  // namespace perdure::origin
