#include "origin/sqlite/testing.h"

#include <algorithm>
#include <cstring>

namespace perdure::origin::testing {

namespace {

int compare_anything(void*, int a_bytes, void const* a, int b_bytes, void const* b) {
    int const order = std::memcmp(a, b, static_cast<std::size_t>(std::min(a_bytes, b_bytes)));
    return order != 0 ? order : a_bytes - b_bytes;
}

struct Plain {
    sqlite3* database = nullptr;
    explicit Plain(system::Path const& path) {
        // A -wal is read, nothing is written: the comparison works on copies of its own.
        sqlite3_open_v2(path.c_str(), &database, SQLITE_OPEN_READWRITE, nullptr);
        sqlite3_collation_needed(database, nullptr, [](void*, sqlite3* db, int, char const* name) {
            sqlite3_create_collation(db, name, SQLITE_UTF8, nullptr, compare_anything);
        });
    }
    ~Plain() { sqlite3_close(database); }

    std::vector<std::string> rows(std::string const& sql) const {
        std::vector<std::string> out;
        sqlite3_stmt* statement = nullptr;
        if (sqlite3_prepare_v2(database, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) {
            return {std::string("error ") + sqlite3_errmsg(database)};
        }
        while (sqlite3_step(statement) == SQLITE_ROW) {
            std::string row;
            for (int at = 0; at < sqlite3_column_count(statement); ++at) {
                int const type = sqlite3_column_type(statement, at);
                row += std::to_string(type) + ':';
                if (type == SQLITE_FLOAT) {
                    double const number = sqlite3_column_double(statement, at);
                    row.append(reinterpret_cast<char const*>(&number), sizeof number);
                } else if (type != SQLITE_NULL) {
                    auto const* data = static_cast<char const*>(sqlite3_column_blob(statement, at));
                    auto const count = sqlite3_column_bytes(statement, at);
                    row.append(data == nullptr ? "" : data, static_cast<std::size_t>(count));
                }
                row += '|';
            }
            out.push_back(std::move(row));
        }
        sqlite3_finalize(statement);
        return out;
    }
};

std::string text_of(std::string const& row) {
    return row.substr(2, row.size() - 3);
}

}  // namespace

Result<Snapshot> take(SourceOptions const& source) {
    PD_TRY(std::unique_ptr<Origin> origin, open_sqlite(source));
    PD_TRY(std::unique_ptr<data::RowReader> reader, origin->open_rows({}));
    Snapshot snapshot;
    snapshot.schema = reader->schema();
    for (;;) {
        PD_TRY(std::optional<data::RowView> row, reader->next({}));
        if (!row) break;
        snapshot.rows.push_back(
            {to_bytes(row->subject), to_bytes(row->key), to_bytes(row->payload), row->table});
    }
    PD_TRY(snapshot.digest, reader->digest());
    snapshot.problems = reader->take_problems();
    return snapshot;
}

Result<std::vector<data::Problem>> put_back(SourceOptions const& source, Snapshot snapshot,
                                            system::Path const& folder, bool overwrite) {
    PD_TRY(std::unique_ptr<Origin> origin, open_sqlite(source));
    PD_TRY(std::unique_ptr<data::RowReader> reader, origin->open_rows({}));
    PD_TRY(std::unique_ptr<data::RowTarget> target,
           open_sqlite_target(source, {.folder = folder, .overwrite = overwrite}));
    PD_TRY(data::DatabaseSchema schema, data::DatabaseSchema::decode(snapshot.schema.encode()));
    PD_CHECK(target->begin(schema));
    std::ranges::sort(snapshot.rows, [](KeptRow const& a, KeptRow const& b) {
        return std::tie(a.table, a.key) < std::tie(b.table, b.key);
    });
    for (auto const& row : snapshot.rows) {
        if (row.table != data::media_table) {
            PD_CHECK(target->add({row.subject, row.table, row.key, row.payload}));
            continue;
        }
        Decoder in(row.payload);
        PD_TRY(data::Entry entry, data::decode_entry(in, true));
        if (entry.kind != data::EntryKind::file) {
            struct Nothing final : data::ByteSource {
                Result<std::size_t> read(ByteSpan) override { return std::size_t{0}; }
                Result<data::Entry> entry_after_reading() override { return data::Entry{}; }
            } nothing;
            PD_CHECK(target->add_media(entry, to_string(row.key), nothing));
            continue;
        }
        PD_TRY(std::unique_ptr<data::ByteSource> content, reader->open_media(row.key)->open({}));
        PD_CHECK(target->add_media(entry, to_string(row.key), *content));
    }
    PD_CHECK(target->finish({}));
    return target->take_problems();
}

std::vector<std::string> differences(system::Path const& a, system::Path const& b) {
    Plain const left(a), right(b);
    std::vector<std::string> found;
    auto const compare = [&](std::string const& sql) {
        if (left.rows(sql) != right.rows(sql)) found.push_back(sql);
    };
    for (std::string const setting : {"user_version", "application_id", "encoding", "page_size",
                                      "auto_vacuum", "journal_mode"}) {
        compare("PRAGMA " + setting);
    }
    compare(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL "
        "AND tbl_name NOT IN ('sqlite_stat2', 'sqlite_stat3', 'sqlite_stat4') ORDER BY rowid");
    for (auto const& row :
         left.rows("SELECT name FROM sqlite_schema WHERE type = 'table' AND "
                   "rootpage > 0 AND name NOT IN ('sqlite_stat2', 'sqlite_stat3', "
                   "'sqlite_stat4')")) {
        std::string const table = identifier(text_of(row));
        auto const with_rowid = "SELECT rowid, * FROM " + table + " NOT INDEXED";
        auto const rows = left.rows(with_rowid);
        bool const no_rowid = rows.size() == 1 && rows[0].starts_with("error");
        compare(no_rowid ? "SELECT * FROM " + table + " NOT INDEXED" : with_rowid);
    }
    return found;
}

}  // namespace perdure::origin::testing
