#pragma once

#include "origin/merge/merge.h"
#include "origin/merge/rows/removals.h"

namespace perdure::origin {

/// What a Merge works on.
struct Stage {
    Connection& connection;
    MergeRequest const& request;
    Pairing const& pairing;
    Scope const& scope;
    Ties& ties;
    ChangeList& changes;
    Removals& removals;
    std::function<Result<void>(MergeItem const&)> const& tell;
};

/// Compares one table: every chosen row of the snapshot with its row in the target, then (with
/// `remove`) the rows that only the target has. Items are told, changes are kept.
Result<TableSummary> compare_table(Stage const& stage, std::size_t pair, std::stop_token stop);

/// How the table of a pair is written; empty when it cannot be.
std::optional<std::size_t> write_table_of(ChangeList const& changes, std::string const& table);

/// A record that is kept beside the one that is there: a new key, the old title marked, and the
/// rows that hang on it by the mapping copied along.
class Duplicates {
public:
    Duplicates(Stage const& stage, std::size_t pair);
    /// Why records of this table cannot stand twice, or empty.
    std::string refusal() const;
    /// The image of the duplicate, or nothing when it is there already.
    /// `existing` and `incoming` are encoded rows of the target's shape.
    Result<std::optional<StoredImage>> image(ByteView existing, Bytes incoming);
    /// Copies of what hangs on the snapshot's record with that key.
    Result<std::vector<Change>> belongings(ByteView old_key, ByteView new_key,
                                           std::string const& record);

private:
    Result<std::optional<StoredImage>> numbered(std::vector<data::Value> values);
    Result<bool> stands_already(std::vector<data::Value> const& values);
    Result<void> copy_rows(std::string const& table, std::string const& column,
                           data::Value const& old_key, data::Value const& new_key,
                           std::string const& record, std::vector<Change>& out);
    Result<std::int64_t> next_number(TablePair const& pair, std::size_t column);
    std::optional<std::size_t> key_column() const;
    Result<void> remember_rows(std::size_t key);
    Stage const& stage_;
    std::size_t pair_;
    bool utf8_;
    std::int64_t next_ = 0;
    /// Sorted hashes of all the target's rows without their key: 8 B a row.
    std::optional<std::vector<std::uint64_t>> rows_;
    std::map<std::string, std::int64_t> numbers_;  ///< by table: the last one given
};

}  // namespace perdure::origin
