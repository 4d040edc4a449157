#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "data/stream.h"
#include "origin/sqlite/layout.h"
#include "origin/sqlite/row_codec.h"

namespace perdure::origin {

/// Builds a database in an empty file from a schema and rows. See builder.cpp.
/// Threads: one.
class Builder {
public:
    /// Sets what can only be set before the first page is written, and creates the tables.
    static Result<std::unique_ptr<Builder>> create(system::Path const& path,
                                                   data::DatabaseSchema const& schema);
    Result<void> add(data::RowView const& row);
    /// Sequences, indexes, views, triggers, full-text indexes; then closes the file.
    Result<void> finish(std::stop_token stop);
    std::vector<data::Problem> take_problems() { return std::move(problems_); }

private:
    using Object = data::DatabaseSchema::Object;
    Builder(Connection connection, data::DatabaseSchema const& schema);
    Result<void> prepare_file();
    Result<void> create_tables();
    Result<void> create(Object const& object);
    Result<void> adopt(data::TableSchema const& table, Object const& object, Error const& refusal);
    Result<void> add_schema_row(Object const& object);
    Result<bool> has_object(Object const& object);

    Result<void> start_table(std::size_t table);
    Result<void> prepare_insert();
    Result<void> end_table();
    Result<bool> fits(ByteView payload) const;
    Result<void> bind(data::RowView const& row);
    Result<void> insert();
    Result<void> refuse(Error const& why);
    Result<void> keep_sequence(data::RowView const& row);

    bool is_virtual(std::size_t table) const;
    Result<void> open_spatial(Object const& object);

    Result<void> loosen();
    Result<void> loosen_or_tell();
    Result<void> set_table_sql(std::string const& name, std::string const& sql);
    Result<std::string> loose_sql();

    Result<void> restore_sequences();
    Result<void> create_rest();
    Result<void> restore_schema_text();
    Result<void> rebuild_indexes();
    void report_stand_ins();

    Connection connection_;
    data::DatabaseSchema schema_;
    unsigned char encoding_;
    ValueBinder binder_;
    std::size_t table_ = 0;
    bool in_table_ = false, loose_ = false;
    TableLayout layout_;
    std::vector<char> affinities_;  ///< of layout_.stored
    Statement insert_;
    std::optional<std::size_t> unloosened_;  ///< the table told last
    std::uint64_t refused_ = 0;              ///< rows of this table that could not be put back
    struct Kept {
        Bytes key, payload;
    };
    std::vector<Kept> sequences_;  ///< rows of sqlite_sequence, which inserts change
    std::set<std::string> stubs_;  ///< functions that only the application has
    std::vector<data::Problem> problems_;
};

/// SQLite's rule for a declared type (datatype3.html §3.1): 'I' integer, 'T' text, 'B' none, 'R'
/// real, 'N' numeric.
char affinity_of(std::string_view declared_type);

/// Whether a column of that affinity keeps every value of an encoded row in its storage class.
/// Fails: corrupt.
Result<bool> keeps_class(Decoder& in, char affinity, unsigned char encoding);

}  // namespace perdure::origin
