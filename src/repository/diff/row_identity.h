#pragma once

#include "data/schema.h"
#include "data/value.h"

namespace perdure::repository {

/// The tables of two schemas, joined by name: positions in a common order, which is that of `after`
/// followed by the tables that only `before` has. Refers to the schemas.
class JoinedTables {
public:
    std::uint32_t joined(std::uint32_t own, bool is_after) const {
        return (is_after ? of_after_ : of_before_)[own];
    }
    data::TableSchema const* before(std::uint32_t joined) const { return tables_[joined].before; }
    data::TableSchema const* after(std::uint32_t joined) const { return tables_[joined].after; }
    /// Rows are joined by the values of the primary key, not by the key that they are stored under.
    bool by_primary_key(std::uint32_t joined) const { return tables_[joined].by_primary_key; }
    /// Rows are joined by their rowid.
    bool by_rowid(std::uint32_t joined) const { return tables_[joined].by_rowid; }
    bool same_columns(std::uint32_t joined) const { return tables_[joined].same_columns; }

private:
    friend JoinedTables join_tables(data::DatabaseSchema const& before,
                                    data::DatabaseSchema const& after);
    struct Table {
        data::TableSchema const* before = nullptr;
        data::TableSchema const* after = nullptr;
        bool by_primary_key = false, by_rowid = false, same_columns = false;
    };
    std::vector<Table> tables_;
    std::vector<std::uint32_t> of_before_, of_after_;
};
JoinedTables join_tables(data::DatabaseSchema const& before, data::DatabaseSchema const& after);

/// The primary key's values as sortable bytes (docs/FORMAT.md, key of a row), with the stored key
/// behind them where one is NULL, since NULLs are not unique.
/// Fails: corrupt.
Result<Bytes> encode_identity(data::TableSchema const& table, ByteView stored_key,
                              ByteView payload);

}  // namespace perdure::repository
