#pragma once

#include "origin/merge/compare.h"

namespace perdure::origin {

/// Rows that hold what a unique index of the target lets stand only once: rows that are there, and
/// other rows of the snapshot where the index is newer than it.
class Clashes {
public:
    /// What an index computes with what the application alone has is left to the database itself.
    static Result<Clashes> prepare(Stage const& stage, std::size_t pair);
    bool none() const { return indexes_.empty(); }

    /// A row that would be written.
    struct Row {
        Statement const& statement;
        std::vector<int> const& cells;  ///< its columns, by position in TablePair::target_columns
        int snapshot_place;             ///< the first column that locates it in the snapshot
        std::string own;                ///< the place of its row in the target, or empty
    };
    /// Why it cannot be, for the sake of another one; or empty.
    Result<std::string> find(Row const& row);

private:
    struct Index {
        std::string what;          ///< "name", for people
        std::vector<int> columns;  ///< of plain ones: positions in TablePair::target_columns
        Statement values;          ///< else: what a row comes to; no row: it is none of its
        Statement find, chosen;    ///< chosen: of the row that `find` found
        Statement twin;            ///< of newer ones: another chosen row that comes to the same
    };
    /// The values of one row under one index.
    struct Values {
        Statement const* from = nullptr;  ///< null: the index does not hold such rows
        std::vector<int> columns;
        void bind(Statement& into) const;
    };
    Clashes(Stage const& stage, std::size_t pair);
    Result<std::optional<Index>> make(UniqueIndex const& unique);
    Result<bool> prepare_values(Index& index, UniqueIndex const& unique);
    Result<void> prepare_find(Index& index, UniqueIndex const& unique);
    Result<void> prepare_twin(Index& index, UniqueIndex const& unique);
    Result<Values> values_of(Index& index, Row const& row) const;
    Result<std::string> holder(Index& index, Values const& values, std::string const& own);
    Result<std::string> twin(Index& index, Values const& values, Row const& row);
    std::string spell(std::string const& key) const;

    Stage const* stage_;
    std::size_t at_;
    TablePair const* pair_;
    std::vector<Index> indexes_;
};

/// Key columns as data::spell_key writes them, joined by '/'.
std::string key_text(Statement const& row, std::vector<int> const& columns);
/// The same of all columns from `first` on.
std::string key_text_from(Statement const& row, int first);

}  // namespace perdure::origin
