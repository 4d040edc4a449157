// How an application's database is written to while the application runs.
//
// - The write lock is taken first (BEGIN IMMEDIATE), waiting as long as the application holds it.
// - Triggers are off for this connection (SQLITE_DBCONFIG_ENABLE_TRIGGER): what they once did (an
//   audit row, a touched timestamp) is part of the snapshot; firing them again would do it twice.
// - Foreign key actions are off (PRAGMA foreign_keys): rows are taken away and put back in any
//   order, and a cascade must not delete what nobody chose. References are checked at the end.
// - Full-text tables hang on those triggers, so they are kept in step here (change.cpp).
#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "data/value.h"
#include "origin/merge/merge.h"
#include "origin/merge/rows/inherited.h"
#include "origin/merge/rows/module_tables.h"
#include "origin/merge/rows/references.h"
#include "origin/sqlite/fulltext.h"
#include "origin/sqlite/spatial.h"
#include "origin/unmade.h"
#include "system/step.h"

namespace perdure::origin {

namespace {

Result<std::vector<std::string>> columns_of(Connection& connection, std::string const& table) {
    std::vector<std::string> out;
    PD_TRY(Statement rows, connection.prepare("PRAGMA main.table_info(" + identifier(table) + ")"));
    while (true) {
        PD_TRY(bool const more, rows.step());
        if (!more) return out;
        out.push_back(rows.text(1));
    }
}

Result<void> add_follower(Connection& connection, VirtualTable const& text,
                          std::vector<WriteTable>& tables) {
    auto const content = content_table(text);
    auto const followed = std::ranges::find_if(
        tables, [&](auto const& table) { return ascii_same(table.name, content); });
    if (followed == tables.end() || followed->rowid.empty()) return {};
    TextFollower follower{.name = text.name, .rowid = followed->rowid};
    PD_TRY(follower.columns, columns_of(connection, text.name));
    for (auto const& column : follower.columns) {
        bool const known = std::ranges::any_of(
            followed->columns, [&](auto const& each) { return ascii_same(each, column); });
        if (!known) return {};  // a column that is computed: nobody but the application knows how
    }
    auto const sizes = text.name + "_docsize";
    PD_TRY(auto const has_sizes,
           connection.integer("SELECT count(*) FROM main.sqlite_schema WHERE name = " +
                              literal(sizes)));
    if (has_sizes > 0) {
        follower.indexed = fmt::format("SELECT 1 FROM main.{} WHERE {} = ?1", identifier(sizes),
                                       text.module == "fts5" ? "id" : "docid");
    }
    followed->followers.push_back(std::move(follower));
    return {};
}

struct Dangling {
    std::uint64_t rows = 0;
    std::string first;
};

Result<Dangling> dangling(Connection& connection, std::string const& table) {
    Dangling out;
    auto rows = connection.prepare("PRAGMA main.foreign_key_check(" + identifier(table) + ")");
    if (!rows && is_key_mismatch(rows.error())) return out;  // there is nothing to look after
    if (!rows) return rows.error();
    while (true) {
        PD_TRY(bool const more, rows->step());
        if (!more) return out;
        if (out.rows++ == 0) {
            auto const row =
                rows->is_null(1) ? "a row of " + table : table + " row " + rows->text(1);
            out.first = row + " refers to a row of " + rows->text(2) + " that is not there";
        }
    }
}

}  // namespace

Result<std::vector<WriteTable>> write_tables(Connection& connection, Layout const& target) {
    std::vector<WriteTable> tables;
    for (std::size_t at = 0; at < target.schema.tables.size(); ++at) {
        auto const& schema = target.schema.tables[at];
        if (schema.shadow || ascii_lower(schema.name).starts_with("sqlite_")) continue;
        auto const& layout = target.tables[at];
        WriteTable table{.name = schema.name};
        if (layout.key == KeyKind::rowid) table.rowid = layout.rowid_name;
        table.rowid_is_column = layout.rowid_is_column;
        for (auto const column : layout.stored) {
            table.columns.push_back(schema.columns[column].name);
        }
        table.primary = layout.key_values;
        if (table.rowid.empty() && table.primary.empty()) continue;
        tables.push_back(std::move(table));
    }
    for (auto const& each : target.virtual_tables) {
        PD_TRY(auto judged, judge_module(connection, target, each, "main"));
        if (judged.kind == ModuleTable::Kind::opaque) continue;  // what it follows is refused
        if (is_fulltext(each) && text_source(each) == TextSource::external) {
            PD_CHECK(add_follower(connection, each, tables));
            continue;
        }
        WriteTable table{.name = each.name, .rowid = "rowid"};
        table.rowid_is_column = is_spatial(each);  // its first column
        table.columns = std::move(judged.columns);
        tables.push_back(std::move(table));
    }
    return tables;
}

Result<Connection> open_to_write(system::Path const& database, int busy_wait_ms,
                                 std::stop_token stop) {
    PD_CHECK(system::step(system::Step::write, database.string()));
    PD_TRY(auto connection, Connection::open(database, {.flags = SQLITE_OPEN_READWRITE,
                                                        .busy_wait_ms = busy_wait_ms}));
    connection.watch(std::move(stop));
    sqlite3_db_config(connection.get(), SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
    // A checkpoint at the end is the application's own business: left to it, as with any writer.
    PD_CHECK(connection.run("PRAGMA foreign_keys = OFF"));
    PD_CHECK(connection.run("PRAGMA recursive_triggers = OFF"));
    return connection;
}

Result<Connection> open_to_look(system::Path const& database, int busy_wait_ms) {
    std::error_code error;
    auto const real = std::filesystem::canonical(database, error);  // a journal lies beside it
    if (!error && system::exists(system::Path(real.string() + "-journal"))) {
        PD_TRY(auto writer, Connection::open(database, {.flags = SQLITE_OPEN_READWRITE,
                                                        .busy_wait_ms = busy_wait_ms}));
        PD_CHECK(writer.integer("SELECT count(*) FROM sqlite_schema"));
    }
    return Connection::open(database, {.busy_wait_ms = busy_wait_ms});
}

Result<DanglingCounts> check_references(Connection& connection, system::Path const& database,
                                        ChangeList& changes, DanglingCounts const& allowed,
                                        bool as_then, std::stop_token stop) {
    std::set<std::string> written, looked_at;
    PD_CHECK(changes.each(
        [&](Change const& change) -> Result<void> {
            written.insert(ascii_lower(changes.tables()[change.table].name));
            return {};
        },
        stop));
    for (auto const& table : changes.tables()) {
        PD_TRY(auto const references, references_of(connection, "main", table.name));
        for (auto const& reference : references) {
            if (written.contains(ascii_lower(table.name)) ||
                written.contains(ascii_lower(reference.parent))) {
                looked_at.insert(table.name);
            }
        }
    }
    DanglingCounts out;
    if (looked_at.empty()) return out;
    // What dangled before is not this run's doing: others still see that state.
    PD_TRY(auto outside, Connection::open(database, {}));
    for (auto const& table : looked_at) {
        PD_TRY(auto const after, dangling(connection, table));
        PD_TRY(auto const before, dangling(outside, table));
        if (before.rows > 0) out[table] = before.rows;
        auto const known = allowed.find(table);
        auto const limit = std::max(before.rows, known == allowed.end() ? 0 : known->second);
        if (after.rows <= limit) continue;
        std::uint64_t inherited = 0;
        if (as_then) {
            PD_TRY(inherited, count_inherited(connection, changes, table, stop));
        }
        if (after.rows <= limit + inherited) continue;
        auto const more = after.rows - limit - inherited;
        return fail(Fault::conflict, fmt::format("{} reference{} would point to nothing: {}", more,
                                                 more == 1 ? "" : "s", after.first))
            .with_code(15)
            .with_fix(fmt::format(
                "select the rows of {} too, or leave out what they hang on: restore plan, then "
                "restore apply PLAN --override RECORD=skip",
                table));
    }
    return out;
}

Result<void> check_collations(Connection const& connection) {
    if (connection.stand_ins().empty()) return {};
    return fail(Fault::unsupported,
                fmt::format("rows are sorted by \"{}\", which only the application can do: writing "
                            "them would leave its index in a wrong order",
                            *connection.stand_ins().begin()))
        .with_code(15)
        .with_fix(
            "restore into another folder with --to DIR, or the whole database with the "
            "application stopped");
}

}  // namespace perdure::origin
