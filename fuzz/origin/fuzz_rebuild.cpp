// A database put back from a schema and rows that a hostile writer made: it ends, with an error or
// with a database, and nothing is written beside it.
#include "fuzz/input.h"
#include "origin/origin.h"
#include "origin/sqlite/handle.h"

namespace {

using namespace perdure;

constexpr char const* application =
    "PRAGMA trusted_schema=ON;"  // else no trigger may feed a full-text table
    "CREATE TABLE users(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL,"
    " loud TEXT AS (upper(name)));"
    "CREATE TABLE colours(name TEXT PRIMARY KEY, code REAL) WITHOUT ROWID;"
    "CREATE TABLE places(id INTEGER PRIMARY KEY, user_id REFERENCES users, at BLOB);"
    "CREATE VIRTUAL TABLE places_at USING rtree(id, x0, x1, +note);"
    "CREATE VIRTUAL TABLE words USING fts5(name, content='users', content_rowid='id');"
    "CREATE INDEX by_user ON places(user_id); CREATE VIEW seen AS SELECT * FROM users;"
    "CREATE TRIGGER t AFTER INSERT ON users BEGIN INSERT INTO words(rowid, name)"
    " VALUES(NEW.id, NEW.name); END;"
    "INSERT INTO users(name) VALUES('Ann'), ('Bo'); INSERT INTO colours VALUES('red', 0.5);"
    "INSERT INTO places VALUES(1, 1, x'00ff'), (2, 2, NULL);"
    "INSERT INTO places_at VALUES(1, 0, 1, 'a'), (2, 3, 4, 'b');";

struct Row {
    std::uint32_t table = 0;
    Bytes key, payload;
};

struct Good {
    system::ScratchFolder scratch = *system::ScratchFolder::create();
    origin::SourceOptions source{.name = "app", .type = "sqlite"};
    Bytes schema;
    std::vector<Row> rows;

    Good() {
        source.path = scratch.path() / "app.db";
        source.mapping.subjects = data::SubjectMapping{.table = "users", .key = "id"};
        {
            auto connection = origin::Connection::open(
                source.path, {.flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE});
            PD_ASSERT(connection && connection->run(application));
        }
        auto const origin = origin::open_origin(source);
        auto const reader = (*origin)->open_rows({});
        PD_ASSERT(reader);
        schema = (*reader)->schema().encode();
        while (true) {
            auto const row = (*reader)->next({});
            PD_ASSERT(row);
            if (!*row) break;
            rows.push_back({(*row)->table, to_bytes((*row)->key), to_bytes((*row)->payload)});
        }
        PD_ASSERT(rows.size() >= 7);
    }
};

/// True: the database is there.
bool build(Good const& good, data::DatabaseSchema const& schema, std::vector<Row> const& rows) {
    auto const folder = good.scratch.path() / "out";
    auto target =
        origin::open_row_target(good.source, {.folder = folder, .owners = false, .durable = false});
    PD_ASSERT(target);
    if (!(*target)->begin(schema)) return false;
    for (auto const& row : rows) {
        auto const added =
            (*target)->add({.table = row.table, .key = row.key, .payload = row.payload});
        if (!added) return false;
    }
    bool const finished = (*target)->finish({}).has_value();
    static_cast<void>((*target)->take_problems());
    return finished;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    static Good const good;
    fuzz::Input input(data, size);
    auto const kind = input.byte() % 3;
    auto rows = good.rows;
    Bytes schema = good.schema;
    if (kind == 0) schema = fuzz::damaged(schema, input);
    if (kind == 1) schema = to_bytes(input.rest());
    if (kind == 2) {
        auto& row = rows[input.byte() % rows.size()];
        row.table = input.byte() % 16;
        auto& part = input.byte() % 2 == 0 ? row.key : row.payload;
        part = part.empty() ? to_bytes(input.rest()) : fuzz::damaged(part, input);
    }
    auto const read = data::DatabaseSchema::decode(schema);
    bool const built = read && build(good, *read, rows);
    if (std::ranges::equal(schema, good.schema) && kind != 2) PD_ASSERT(built);
    for (auto const& entry : std::filesystem::directory_iterator(good.scratch.path())) {
        auto const name = entry.path().filename();
        PD_ASSERT(name == "out" || name.string().starts_with("app.db"));
    }
    PD_ASSERT(system::remove_tree(good.scratch.path() / "out"));
    return 0;
}
