#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/stream.h"
#include "origin/sqlite/row_codec.h"

namespace perdure::origin {

/// A full-text index over another table's rows, which must follow every change
/// of them.
struct TextFollower {
    std::string name;
    std::string rowid;                 ///< column of the followed table that is its rowid
    std::vector<std::string> columns;  ///< same names in the followed table
    std::string indexed;               ///< SQL: whether the row ?1 is in the index; empty: unknown
};

/// A table of the target that rows are written to, or a full-text table with
/// texts of its own.
struct WriteTable {
    std::string name;
    std::string rowid;                 ///< a name of it; empty: WITHOUT ROWID
    bool rowid_is_column = false;      ///< one of `columns` is the rowid
    std::vector<std::string> columns;  ///< stored ones, in table order
    std::vector<std::size_t> primary;  ///< positions in `columns`, where there is no rowid
    std::vector<TextFollower> followers;
    bool operator==(WriteTable const& other) const {
        return name == other.name && columns == other.columns;
    }
};

/// A row that exists.
struct StoredImage {
    std::int64_t rowid = 0;   ///< 0 where there is none
    bool rowid_known = true;  ///< false: SQLite chooses one
    Bytes values;             ///< the encoded stored columns
    bool operator==(StoredImage const&) const = default;
};

/// One row before and after: created (no before), removed (no after), or
/// replaced.
struct Change {
    std::size_t table = 0;
    std::string record;  ///< "app:memory/17", for people
    std::optional<StoredImage> before, after;
};

/// The changes of one restore, kept in a temporary table until they are
/// written: any number of them takes no memory. Applying them writes all at
/// once; undoing them is the same with before and after exchanged. Threads:
/// one.
class ChangeList {
public:
    /// `connection` outlives it.
    static Result<ChangeList> create(Connection& connection, std::vector<WriteTable> tables);

    std::vector<WriteTable> const& tables() const { return tables_; }
    /// From now on changes are counted, not kept: nothing will be written.
    void only_count() { counting_ = true; }
    Result<void> add(Change const& change);
    std::uint64_t size() const { return size_ - dropped_; }
    /// In the order of add(), but what only goes comes last: whoever takes a run back then knows
    /// of each row that was put somewhere before it judges the one that had its place.
    Result<void> each(std::function<Result<void>(Change const&)> const& take, std::stop_token stop);

    /// Whether one of the changes takes the row of that number away or replaces it.
    Result<bool> takes(std::size_t table, std::int64_t rowid);

    /// Rows that would go although rows that stay refer to them, each with one of those; none of
    /// them goes any more, nor do the rows that belong to the same record. Tables whose rows have
    /// no number are passed over, and those in which no more references dangle then than `allowed`
    /// says. Asked when all was added.
    struct HeldBack {
        std::size_t table = 0;
        std::string record, by;  ///< "app:users/1", "row 7 of notes"
    };
    Result<std::vector<HeldBack>> hold_back(std::map<std::string, std::uint64_t> const& allowed);

    /// Writes everything inside the open transaction: first all rows that go or
    /// are replaced are taken away, then all that come are put there, so that
    /// values of unique columns may change places. Each written row is read back;
    /// what the table made of it becomes its `after`. Full-text followers are
    /// kept in step. Fails: conflict (a constraint, naming the record, or a row
    /// that is no longer what `before` says), exhausted, cancelled.
    Result<void> write(std::stop_token stop);
    /// After write() failed: the record that the database refused, or empty.
    std::string const& refused() const { return refused_; }

private:
    ChangeList(Connection& connection, std::vector<WriteTable> tables);
    struct Prepared {
        Statement remove, insert, read;
        std::vector<Statement> unindex, is_indexed, index;
    };
    Result<Prepared> prepare(WriteTable const& table);
    Result<Prepared*> prepared(std::size_t table);
    Result<void> bind_place(Statement& statement, WriteTable const& table,
                            StoredImage const& image);
    Result<void> take_away(std::int64_t number, Change const& change);
    Result<void> put_there(std::int64_t number, Change const& change);
    Result<std::optional<StoredImage>> read_row(WriteTable const& table, Prepared& prepared,
                                                StoredImage const& image);
    Result<void> unindex(WriteTable const& table, Prepared& prepared, StoredImage const& image,
                         std::int64_t number);
    Result<void> keep_after(std::int64_t number, StoredImage const& after);
    Result<Change> decode(Statement& row) const;
    Result<std::map<std::string, std::string>> held_by(std::size_t child, std::uint64_t allowed);
    Result<std::vector<std::size_t>> drop(std::string const& record);

    Connection* connection_;
    std::vector<WriteTable> tables_;
    std::vector<std::optional<Prepared>> prepared_;
    Statement insert_, update_, one_, takes_;
    std::vector<bool> unindexed_;  ///< by number: the index never held the row, and will not now
    ValueBinder binder_;
    std::string refused_;
    std::uint64_t size_ = 0, dropped_ = 0;
    bool counting_ = false;
};

/// Reads the row that `statement` stands on: `count` values from `column`.
Bytes encode_row(Statement const& statement, int column, std::size_t count);
/// Each of the `count` values of such a row, still encoded. Fails: corrupt.
Result<std::vector<ByteView>> split_values(ByteView values, std::size_t count);
/// Binds `count` encoded values from parameter `index` on; they must stay until it was stepped.
Result<void> bind_row(ValueBinder& binder, Statement& statement, int index, ByteView values,
                      std::size_t count);

}  // namespace perdure::origin
