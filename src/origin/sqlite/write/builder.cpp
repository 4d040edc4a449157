// Problem: a database equal to the one that was read, from its schema's text and typed rows,
// without the collations, functions and modules that only its application has.
//
// 1. Only CREATE TABLE and CREATE INDEX are executed, one statement each, under an authorizer that
//    allows nothing else. Views, triggers and virtual tables enter sqlite_schema as text.
// 2. Rows come before indexes; triggers come last and never fire.
// 3. Every value keeps its storage class. A table into which a column's affinity would convert a
//    value (or whose NOT NULL a row breaks) is filled under a loose definition without types and
//    checks but with the same keys, and gets its own text back before anyone else sees it. Beside
//    generated columns it cannot be: what its own definition changes or refuses then is named.
// 4. In the end every text in sqlite_schema is the source's, in the source's order.
// 5. Rows of an R-Tree go in through its module, once its shadow tables hold an empty root.
// 6. What cannot be built rightly here (an index by an unknown function) is left out and named;
//    what an unknown collation sorts is built by bytes and named, with the REINDEX that mends it.
//
// Rejected: sqlite3_backup of a page image (rows are what snapshots hold); executing all SQL as
// `.dump` does (triggers and views may need functions that exist nowhere else).
#include "origin/sqlite/write/builder.h"

#include <algorithm>

#include "base/ascii.h"
#include "origin/sqlite/spatial.h"
#include "origin/unmade.h"

namespace perdure::origin {

namespace {

constexpr int stubs_max = 200;
constexpr int page_bytes_of_empty_files = 4096;
constexpr std::string_view no_function = "no such function: ";
constexpr std::string_view application_only = "only its application has";

int allow_creation(void*, int action, char const*, char const* b, char const*, char const*) {
    switch (action) {
        case SQLITE_CREATE_TABLE:
        case SQLITE_CREATE_INDEX:
        case SQLITE_INSERT:
        case SQLITE_UPDATE:
        case SQLITE_READ:
        case SQLITE_REINDEX:
            return SQLITE_OK;
        case SQLITE_FUNCTION:
            return ascii_same(b == nullptr ? "" : b, "load_extension") ? SQLITE_DENY : SQLITE_OK;
        default:
            return SQLITE_DENY;
    }
}

void yield_null(sqlite3_context* context, int, sqlite3_value**) {
    sqlite3_result_null(context);
}

int define_stub(sqlite3* database, std::string const& name, bool present) {
    return sqlite3_create_function_v2(
        database, name.c_str(), -1, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, nullptr,
        present ? yield_null : nullptr, nullptr, nullptr, nullptr);
}

/// Settings come from a snapshot: only what SQLite knows may enter a PRAGMA.
Result<std::string> number_setting(data::DatabaseSchema const& schema, std::string const& name) {
    auto const found = schema.settings.find(name);
    if (found == schema.settings.end()) return std::string("0");
    auto const& text = found->second;
    bool const digits =
        !text.empty() && text.size() <= 11 && text.find_first_not_of("-0123456789") == text.npos;
    if (!digits) return fail(Fault::corrupt, "the setting " + name + " of a database is no number");
    return text;
}

void bind_texts(Statement& statement, std::initializer_list<std::string const*> texts) {
    int at = 0;
    for (auto const* text : texts) {
        sqlite3_bind_text64(statement.get(), ++at, text->data(), text->size(), SQLITE_STATIC,
                            SQLITE_UTF8);
    }
}

std::string find_virtual(data::DatabaseSchema const& schema, std::string const& name) {
    for (auto const& object : schema.objects) {
        if (object.name == name) return parse_virtual_table(name, object.sql).module;
    }
    return {};
}

}  // namespace

Builder::Builder(Connection connection, data::DatabaseSchema const& schema)
    : connection_(std::move(connection)),
      schema_(schema),
      encoding_(encoding_code(schema_.settings["encoding"])),
      binder_(encoding_) {}

Result<std::unique_ptr<Builder>> Builder::create(system::Path const& path,
                                                 data::DatabaseSchema const& schema) {
    if (schema.engine != "sqlite") {
        return fail(Fault::unsupported, "a schema of " + schema.engine + " into SQLite");
    }
    PD_TRY(Connection connection,
           Connection::open(path, {.flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE}));
    std::unique_ptr<Builder> builder(new Builder(std::move(connection), schema));
    PD_CHECK(builder->prepare_file());
    PD_CHECK(builder->create_tables());
    return builder;
}

Result<void> Builder::prepare_file() {
    PD_TRY(std::string const page_size, number_setting(schema_, "page_size"));
    PD_TRY(std::string const auto_vacuum, number_setting(schema_, "auto_vacuum"));
    PD_TRY(std::string const user_version, number_setting(schema_, "user_version"));
    PD_TRY(std::string const application_id, number_setting(schema_, "application_id"));
    std::string const encoding = encoding_ == SQLITE_UTF16LE   ? "UTF-16le"
                                 : encoding_ == SQLITE_UTF16BE ? "UTF-16be"
                                                               : "UTF-8";
    PD_CHECK(connection_.run("PRAGMA page_size=" + page_size + ";PRAGMA encoding=" +
                             literal(encoding) + ";PRAGMA auto_vacuum=" + auto_vacuum));
    // Nobody else sees the file before it is complete and synced: no journal, no sync, no locks.
    PD_CHECK(
        connection_.run("PRAGMA journal_mode=OFF;PRAGMA synchronous=OFF;"
                        "PRAGMA locking_mode=EXCLUSIVE;PRAGMA cache_size=-65536;"
                        "PRAGMA foreign_keys=OFF;PRAGMA ignore_check_constraints=ON;"
                        "PRAGMA trusted_schema=OFF;PRAGMA writable_schema=ON;"
                        "PRAGMA legacy_alter_table=ON;BEGIN"));
    // An empty file stays empty: writing a version would make a page. What it has no page for to
    // stand in, SQLite says of every empty file.
    bool const told = schema_.settings["journal_mode"] == "wal" || auto_vacuum != "0" ||
                      page_size != std::to_string(page_bytes_of_empty_files);
    if (user_version != "0" || (schema_.objects.empty() && told))
        PD_CHECK(connection_.run("PRAGMA user_version=" + user_version));
    if (application_id != "0") PD_CHECK(connection_.run("PRAGMA application_id=" + application_id));
    return {};
}

Result<void> Builder::create_tables() {
    for (auto const& table : schema_.tables) {
        auto const object = std::ranges::find_if(schema_.objects, [&](Object const& candidate) {
            return candidate.type == "table" && candidate.name == table.name;
        });
        if (object == schema_.objects.end()) {
            return fail(Fault::corrupt, "the schema has rows of " + table.name + " but no table");
        }
        PD_TRY(bool const present, has_object(*object));
        if (present) continue;  // sqlite_sequence makes itself
        if (schema_.settings.contains(spatial_setting(table.name))) continue;  // see open_spatial
        auto const created = create(*object);
        if (!created) PD_CHECK(adopt(table, *object, created.error()));
    }
    return {};
}

Result<bool> Builder::has_object(Object const& object) {
    PD_TRY(std::string const count,
           connection_.text("SELECT count(*) FROM main.sqlite_schema WHERE type = " +
                            literal(object.type) + " AND name = " + literal(object.name)));
    return count != "0";
}

/// Executes the object's SQL; functions that are missing get stand-ins that yield NULL.
Result<void> Builder::create(Object const& object) {
    if (ascii_lower(object.sql.substr(0, 6)) != "create") {
        return fail(Fault::corrupt, "the schema's text of " + object.name + " creates nothing");
    }
    for (;;) {
        sqlite3_set_authorizer(connection_.get(), allow_creation, nullptr);
        auto statement = connection_.prepare(object.sql);
        sqlite3_set_authorizer(connection_.get(), nullptr, nullptr);
        if (statement) return statement->run();
        auto const& message = statement.error().message();
        auto const at = message.find(no_function);
        bool const stub = at != message.npos && object.type == "table" && stubs_.size() < stubs_max;
        if (!stub) return std::move(statement.error()).within("creating " + object.name);
        std::string name = message.substr(at + no_function.size());
        if (define_stub(connection_.get(), name, true) != SQLITE_OK ||
            !stubs_.insert(name).second) {
            return std::move(statement.error()).within("creating " + object.name);
        }
        problems_.push_back(
            {object.name, "uses the function " + name + "() that " + std::string(application_only) +
                              "; stored values that it computes are NULL until the application "
                              "rewrites them"});
    }
}

/// SQLite loads texts that it would not take in a CREATE (rules that came later). Such a text is
/// put over a table of the same kind of tree.
Result<void> Builder::adopt(data::TableSchema const& table, Object const& object,
                            Error const& refusal) {
    PD_CHECK(connection_.run("CREATE TABLE main." + identifier(table.name) +
                             (table.keyed_by_rowid ? "(x)" : "(x PRIMARY KEY) WITHOUT ROWID")));
    PD_CHECK(set_table_sql(table.name, object.sql));
    PD_TRY(std::string const automatic,
           connection_.text("SELECT name FROM pragma_index_list(" + literal(table.name) +
                            ") WHERE origin = 'u'" +
                            (table.keyed_by_rowid ? " OR origin = 'pk'" : "")));
    if (!automatic.empty()) return refusal;  // their trees cannot be made without a CREATE
    return {};
}

Result<void> Builder::add_schema_row(Object const& object) {
    PD_TRY(Statement row, connection_.prepare(
                              "INSERT INTO main.sqlite_schema(type, name, tbl_name, rootpage, sql) "
                              "VALUES(?1, ?2, ?3, 0, ?4)"));
    bind_texts(row, {&object.type, &object.name, &object.table, &object.sql});
    return row.run();
}

Result<void> Builder::finish(std::stop_token stop) {
    PD_CHECK(end_table());
    connection_.watch(stop);
    for (std::size_t table = 0; table < schema_.tables.size(); ++table) {
        if (is_virtual(table)) PD_CHECK(start_table(table));  // one without rows, too
    }
    PD_CHECK(end_table());
    PD_CHECK(restore_sequences());
    PD_CHECK(create_rest());
    PD_CHECK(restore_schema_text());
    PD_CHECK(connection_.run("COMMIT"));
    PD_CHECK(connection_.run("PRAGMA writable_schema=RESET"));
    PD_CHECK(rebuild_indexes());
    report_stand_ins();
    if (schema_.settings["journal_mode"] == "wal") {
        sqlite3_db_config(connection_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
        PD_CHECK(connection_.run("PRAGMA locking_mode=NORMAL;PRAGMA journal_mode=WAL"));
    }
    insert_ = Statement();
    return connection_.close();
}

Result<void> Builder::restore_sequences() {
    if (sequences_.empty() && std::ranges::none_of(schema_.tables, [](auto const& t) {
            return t.name == "sqlite_sequence";
        })) {
        return {};
    }
    PD_CHECK(connection_.run("DELETE FROM main.sqlite_sequence"));
    PD_TRY(Statement row, connection_.prepare("INSERT INTO main.sqlite_sequence(rowid, name, seq) "
                                              "VALUES(?1, ?2, ?3)"));
    for (auto const& kept : sequences_) {
        Decoder in(kept.payload);
        auto const rowid = decode_rowid(kept.key);
        if (rowid) sqlite3_bind_int64(row.get(), 1, *rowid);
        auto bound = rowid ? binder_.bind(in, row.get(), 2) : Result<void>(rowid.error());
        if (bound) bound = binder_.bind(in, row.get(), 3);
        if (!bound) {
            problems_.push_back(
                {"sqlite_sequence", "a row could not be put back: " + bound.error().message()});
            continue;
        }
        PD_CHECK(row.run());
    }
    return {};
}

/// All that is no table with rows, in the source's order.
Result<void> Builder::create_rest() {
    for (auto const& name : stubs_) define_stub(connection_.get(), name, false);
    for (auto const& object : schema_.objects) {
        if (object.type == "index") {
            auto const created = create(object);
            if (created) continue;
            if (created.error().fault() == Fault::cancelled ||
                created.error().fault() == Fault::exhausted) {
                return created.error();
            }
            auto const& why = created.error().message();
            std::string told = "the index could not be made here (" + why + ")";
            if (why.find(no_function) != why.npos)
                told = "the index uses a function that " + std::string(application_only) + " (" +
                       why.substr(why.find(no_function)) + ")";
            problems_.push_back({object.name, told + "; let the application run: " + object.sql});
            continue;
        }
        PD_TRY(bool const present, has_object(object));
        if (!present) PD_CHECK(add_schema_row(object));
    }
    return {};
}

/// SQLite words the start of a CREATE anew and appends to sqlite_schema: text and order are put
/// back.
Result<void> Builder::restore_schema_text() {
    if (schema_.objects.empty()) return {};
    PD_CHECK(connection_.run("PRAGMA writable_schema=ON"));
    PD_TRY(Statement text, connection_.prepare("UPDATE main.sqlite_schema SET sql = ?3 "
                                               "WHERE type = ?1 AND name = ?2 AND sql IS NOT ?3"));
    for (auto const& object : schema_.objects) {
        bind_texts(text, {&object.type, &object.name, &object.sql});
        PD_CHECK(text.run());
    }
    // The automatic indexes of a table have no text and must stand behind it.
    PD_CHECK(connection_.run("CREATE TEMP TABLE pd_order(place INTEGER PRIMARY KEY, was INTEGER)"));
    PD_TRY(
        Statement place,
        connection_.prepare("INSERT INTO temp.pd_order(was) SELECT rowid FROM main.sqlite_schema "
                            "WHERE type = ?1 AND name = ?2 UNION ALL SELECT rowid FROM "
                            "main.sqlite_schema WHERE ?1 = 'table' AND type = 'index' AND "
                            "tbl_name = ?2 AND sql IS NULL ORDER BY rowid"));
    for (auto const& object : schema_.objects) {
        bind_texts(place, {&object.type, &object.name});
        PD_CHECK(place.run());
    }
    PD_TRY(std::int64_t const above,
           connection_.integer("SELECT max(rowid) FROM main.sqlite_schema"));
    PD_CHECK(connection_.run("UPDATE main.sqlite_schema SET rowid = rowid + " +
                             std::to_string(above + 1)));
    return connection_.run(
        "UPDATE main.sqlite_schema SET rowid = o.place FROM temp.pd_order o "
        "WHERE sqlite_master.rowid = o.was + " +
        std::to_string(above + 1));
}

Result<void> Builder::rebuild_indexes() {
    constexpr std::string_view prefix = "rebuild ";
    for (auto const& [setting, module] : schema_.settings) {
        if (!setting.starts_with(prefix)) continue;
        std::string const name = setting.substr(prefix.size());
        std::string const table = identifier(name);
        auto done = Result<void>();
        if (find_virtual(schema_, name) == "fts5") {
            // What FTS5 writes for a new table; without it the module does not even open.
            done = connection_.run("INSERT INTO main." + identifier(name + "_data") +
                                   " VALUES(1, x''), (10, x'00000000000000')");
        }
        if (done && module != "empty") {
            done =
                connection_.run("INSERT INTO main." + table + "(" + table + ") VALUES('rebuild')");
        }
        if (done) continue;
        if (done.error().fault() == Fault::cancelled) return done.error();
        problems_.push_back({name, "the full-text index could not be rebuilt here (" +
                                       done.error().message() +
                                       "); let the application run: INSERT "
                                       "INTO " +
                                       table + "(" + table + ") VALUES('rebuild')"});
    }
    return {};
}

void Builder::report_stand_ins() {
    for (auto const& name : connection_.stand_ins()) {
        problems_.push_back(
            {name, std::string(application_only) +
                       " this collation: what it sorts was built in byte order; let the "
                       "application run REINDEX " +
                       identifier(name) + " before relying on it"});
    }
}

bool is_application_only(data::Problem const& told) {
    return told.reason.find(application_only) != told.reason.npos;
}

}  // namespace perdure::origin
