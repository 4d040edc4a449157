// Two generations of one application's table, made to meet. What is mapped without being asked is
// mapped only where no value can be lost or changed; everything else is refused with its reason,
// and the person may decide it with --map-column.
#include "origin/merge/pair.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/ascii.h"
#include "data/mapping_path.h"
#include "origin/merge/rows/module_tables.h"
#include "origin/sqlite/write/builder.h"

namespace perdure::origin {

namespace {

/// Rows that are looked at to tell a renamed column.
constexpr int rows_sampled = 20'000;
/// Columns of a comparison beside those of both tables and their keys.
constexpr std::size_t columns_spare = 64;

struct TargetColumn {
    std::string name, type, default_sql;
    bool not_null = false;
};

class Pairer {
public:
    Pairer(Connection& connection, Layout const& snapshot, Layout const& target,
           PairOptions const& options)
        : connection_(connection), snapshot_(snapshot), target_(target), options_(options) {}

    Result<Pairing> run() {
        // Nothing is written through this connection with triggers on.
        sqlite3_db_config(connection_.get(), SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
        for (std::size_t at = 0; at < snapshot_.schema.tables.size(); ++at) {
            auto const& table = snapshot_.schema.tables[at];
            if (table.shadow || ascii_lower(table.name).starts_with("sqlite_")) continue;
            PD_TRY(auto const rows,
                   connection_.integer("SELECT count(*) FROM snap." + identifier(table.name)));
            pair_ = TablePair{.table = table.name, .type = table.name};
            pair_.rows = static_cast<std::uint64_t>(rows);
            PD_CHECK(pair(at));
            if (pair_.by_value || pair_.null_keys) {
                pair_.matches = fmt::format("temp.same_{}", out_.pairs.size());
            }
            out_.pairs.push_back(std::move(pair_));
        }
        PD_CHECK(pair_modules(connection_, snapshot_, target_, out_));
        PD_CHECK(check_wishes());
        for (auto const& table : target_.schema.tables) note_new_table(table);
        return std::move(out_);
    }

private:
    void note(std::string what, std::string consequence) {
        out_.differences.push_back({pair_.table, std::move(what), std::move(consequence), false});
    }
    void refuse(std::string what, std::string reason) {
        out_.differences.push_back({pair_.table, std::move(what), reason, true});
        if (pair_.refused.empty()) pair_.refused = std::move(reason);
    }

    void note_new_table(data::TableSchema const& table) {
        if (table.shadow || ascii_lower(table.name).starts_with("sqlite_")) return;
        for (auto const& known : snapshot_.schema.tables) {
            if (ascii_same(known.name, table.name)) return;
        }
        out_.differences.push_back(
            {table.name, "a table that is new in the target",
             options_.swap ? "it goes with the old file" : "it stays as it is", false});
    }

    Result<void> check_wishes() const {
        for (auto const& [from, to] : options_.columns) {
            if (used_.contains(from)) continue;
            return fail(
                       Fault::invalid,
                       fmt::format("--map-column {}={}: the snapshot has no such column", from, to))
                .with_code(2)
                .with_fix("see the schema differences of the plan");
        }
        return {};
    }

    Result<void> pair(std::size_t at) {
        auto const& table = snapshot_.schema.tables[at];
        name_record();
        locate(table, snapshot_.tables[at], pair_.snapshot_rowid, pair_.snapshot_primary);
        std::size_t there = 0;
        auto const& tables = target_.schema.tables;
        while (there < tables.size() && !ascii_same(tables[there].name, table.name)) ++there;
        if (there == tables.size()) {
            refuse("the table is gone", "the target has no such table");
            return {};
        }
        locate(tables[there], target_.tables[there], pair_.target_rowid, pair_.target_primary);
        if (pair_.target_rowid.empty() && pair_.target_primary.empty()) {
            refuse("its columns hide the rowid", "a row of it cannot be told from another");
            return {};
        }
        PD_CHECK(read_target_columns(tables[there]));
        PD_CHECK(pair_columns(table, snapshot_.tables[at]));
        PD_CHECK(choose_key(tables[there]));
        PD_CHECK(check_statements());
        if (pair_.refused.empty()) PD_CHECK(check_types(table, tables[there]));
        return {};
    }

    void name_record() {
        for (auto const& record : options_.mapping.records) {
            if (!ascii_same(record.table, pair_.table)) continue;
            pair_.type = record.type;
            auto const column = [&](char const* role) {
                auto const found = record.fields.find(role);
                if (found == record.fields.end()) return std::string();
                auto const path = data::parse_mapping_path(found->second);
                bool const own = path && path->kind == data::MappingPath::Kind::column;
                return own ? path->column : std::string();
            };
            pair_.updated = column("updated");
            pair_.created = column("created");
            pair_.title = column("title");
            return;
        }
    }

    static void locate(data::TableSchema const& table, TableLayout const& layout,
                       std::string& rowid, std::vector<std::string>& primary) {
        primary = table.primary_key;
        if (layout.key == KeyKind::rowid) rowid = layout.rowid_name;
    }

    Result<void> read_target_columns(data::TableSchema const& table) {
        wanted_.clear();
        PD_TRY(Statement columns,
               connection_.prepare("PRAGMA main.table_xinfo(" + identifier(table.name) + ")"));
        while (true) {
            PD_TRY(bool const more, columns.step());
            if (!more) return {};
            if (columns.integer(6) != 0) continue;  // generated: made by the target itself
            wanted_.push_back(
                {columns.text(1), columns.text(2), columns.text(4), columns.integer(3) != 0});
            pair_.target_columns.push_back(columns.text(1));
        }
    }

    std::string wish(std::string const& column, bool& given) {
        for (auto const& [from, to] : options_.columns) {
            if (!ascii_same(from, pair_.table + "." + column)) continue;
            given = true;
            used_.insert(from);
            return to;
        }
        return {};
    }

    bool masked(std::string const& column) const {
        return std::ranges::any_of(options_.mask, [&](auto const& mask) {
            return ascii_same(mask.first, pair_.table + "." + column);
        });
    }

    TargetColumn const* wanted(std::string_view name) const {
        auto const found = std::ranges::find_if(
            wanted_, [&](auto const& column) { return ascii_same(column.name, name); });
        return found == wanted_.end() ? nullptr : &*found;
    }

    bool taken(std::string_view target) const {
        return std::ranges::any_of(
            pair_.columns, [&](auto const& column) { return ascii_same(column.target, target); });
    }

    Result<void> pair_columns(data::TableSchema const& table, TableLayout const& layout) {
        std::vector<data::Column> dropped;
        for (auto const at : layout.stored) {
            auto const& column = table.columns[at];
            if (masked(column.name)) {
                note(fmt::format("column {} never entered the backup (mask)", column.name),
                     options_.swap ? "it comes back empty; the target's values stay in the old file"
                                   : "the target's values stay");
                continue;
            }
            bool given = false;
            auto const wish_name = wish(column.name, given);
            auto const name = given ? wish_name : column.name;
            if (given && name.empty()) {
                note(fmt::format("column {}", column.name), "left behind, as you asked");
            } else if (auto const* there = wanted(name); there && !taken(there->name)) {
                pair_.columns.push_back({column.name, there->name});
                if (given) {
                    note(fmt::format("column {}", column.name),
                         fmt::format("its values go to {}, as you asked", there->name));
                }
            } else if (given) {
                return fail(Fault::invalid,
                            fmt::format("--map-column {}.{}={}: the target has no such free column",
                                        pair_.table, column.name, name))
                    .with_code(2)
                    .with_fix(
                        fmt::format("its columns: {}", fmt::join(pair_.target_columns, ", ")));
            } else {
                dropped.push_back(column);
            }
        }
        PD_CHECK(choose_key_early());
        for (auto const& column : dropped) PD_CHECK(find_place(column));
        for (auto const& column : wanted_) {
            if (!taken(column.name)) add_column(column);
        }
        return {};
    }

    /// As --to DIR does it: nothing of the right kind, where there must be something.
    void fill_masked(TargetColumn const& column) {
        bool const has_default =
            !column.default_sql.empty() && !ascii_same(column.default_sql, "null");
        if (!column.not_null || has_default) return;
        if (masked_unique(column.name)) {
            pair_.refused_inserts = fmt::format(
                "column {} never entered the backup (mask), must not be empty and must differ: a "
                "value would be invented",
                column.name);
            return;
        }
        auto const type = ascii_lower(column.type);
        pair_.defaults.back() = type == "blob"                    ? "x''"
                                : affinity_of(column.type) == 'T' ? "''"
                                                                  : "0";
        note(fmt::format("column {} must not be empty", column.name),
             fmt::format("rows that come back get {}", pair_.defaults.back()));
    }

    bool masked_unique(std::string const& column) {
        auto const found = unique_indexes(connection_, "main", pair_.table);
        return !found || std::ranges::any_of(*found, [&](UniqueIndex const& unique) {
            return std::ranges::any_of(unique.parts, [&](UniqueIndex::Part const& part) {
                return part.column.empty() || ascii_same(part.column, column);
            });
        });
    }

    void add_column(TargetColumn const& column) {
        pair_.added.push_back(column.name);
        bool const has_default = !column.default_sql.empty();
        pair_.defaults.push_back(has_default ? column.default_sql : "NULL");
        if (masked(column.name)) return fill_masked(column);
        if (!column.not_null || (has_default && !ascii_same(column.default_sql, "null"))) {
            note(fmt::format("column {} is new", column.name),
                 has_default ? "restored rows get its default, rows that are there keep theirs"
                             : "restored rows get NULL, rows that are there keep theirs");
            return;
        }
        pair_.refused_inserts = fmt::format(
            "column {} is new, must not be empty and has no default: a value would be invented",
            column.name);
        out_.differences.push_back({pair_.table, fmt::format("column {} is new", column.name),
                                    "rows that are gone cannot be restored here: it must not be "
                                    "empty and has no default; rows that are there can be",
                                    true});
    }

    /// Enough of a key to compare columns by, before it is known whether all is well.
    Result<void> choose_key_early() {
        pair_.key.clear();
        for (auto const& name : pair_.target_primary) {
            auto const found = std::ranges::find_if(
                pair_.columns, [&](auto const& pair) { return ascii_same(pair.target, name); });
            if (found == pair_.columns.end()) return {};
            pair_.key.push_back(*found);
        }
        return {};
    }

    /// A column that the target does not have: renamed, empty, or in the way.
    Result<void> find_place(data::Column const& column) {
        std::vector<std::string> candidates;
        for (auto const& there : wanted_) {
            if (taken(there.name) || affinity_of(there.type) != affinity_of(column.declared_type)) {
                continue;
            }
            PD_TRY(bool const same, holds_the_same(column.name, there.name));
            if (same) candidates.push_back(there.name);
        }
        if (candidates.size() == 1) {
            pair_.columns.push_back({column.name, candidates[0]});
            note(fmt::format("column {} is now {}", column.name, candidates[0]),
                 "mapped: rows that are on both sides agree");
            return {};
        }
        PD_TRY(auto const filled,
               connection_.integer(fmt::format("SELECT count(*) FROM {} WHERE {} IS NOT NULL",
                                               pair_.snapshot_name(), identifier(column.name))));
        if (filled == 0) {
            note(fmt::format("column {} is gone", column.name), "it held nothing");
            return {};
        }
        refuse(fmt::format("column {} is gone", column.name),
               fmt::format("the values of {0} in {1} rows have nowhere to go; decide with "
                           "--map-column {2}.{0}=NEWNAME, or {2}.{0}= to leave them behind",
                           column.name, filled, pair_.table));
        return {};
    }

    Result<bool> holds_the_same(std::string const& here, std::string const& there) {
        if (pair_.key.empty()) return false;
        PD_TRY(Statement row,
               connection_.prepare(fmt::format(
                   "SELECT count(*), sum(a IS b), count(DISTINCT a) FROM (SELECT s.{} AS a, "
                   "l.{} AS b FROM (SELECT * FROM {} LIMIT {}) s JOIN {} l ON {})",
                   identifier(here), identifier(there), pair_.snapshot_name(), rows_sampled,
                   pair_.target_name(), pair_.same_row("s", "l"))));
        PD_TRY(bool const found, row.step());
        // One value everywhere would agree with any column that holds it.
        return found && row.integer(2) >= 2 && row.integer(1) * 100 >= row.integer(0) * 95;
    }

    Result<void> choose_key(data::TableSchema const& table) {
        PD_CHECK(read_uniques(table));
        PD_CHECK(choose_key_early());
        if (!pair_.key.empty() && pair_.key.size() == pair_.target_primary.size()) {
            bool const rowid =
                pair_.key.size() == 1 && ascii_same(pair_.target_rowid, pair_.target_primary[0]);
            return rowid ? Result<void>{} : look_for_null_keys();
        }
        if (!pair_.target_primary.empty()) {
            refuse("its key is another one",
                   fmt::format("the snapshot has no column {}, by which the target knows its rows",
                               fmt::join(pair_.target_primary, ", ")));
            return {};
        }
        return key_without_primary();
    }

    /// SQLite lets keys of rowid tables be NULL, any number of times.
    Result<void> look_for_null_keys() {
        for (auto const& column : pair_.key) {
            PD_TRY(auto const found, connection_.integer(fmt::format(
                                         "SELECT EXISTS(SELECT 1 FROM {} WHERE {} IS NULL)",
                                         pair_.snapshot_name(), identifier(column.snapshot))));
            pair_.null_keys = pair_.null_keys || found != 0;
        }
        if (pair_.null_keys && (pair_.snapshot_rowid.empty() || pair_.target_rowid.empty())) {
            refuse("its key is NULL in some rows", "such a row cannot be told from another");
            pair_.null_keys = false;
        }
        return {};
    }

    /// Tables that cannot be written or compared are refused here, not half-way.
    Result<void> check_statements() {
        auto const limit =
            static_cast<std::size_t>(sqlite3_limit(connection_.get(), SQLITE_LIMIT_COLUMN, -1));
        auto const needed = pair_.columns.size() + pair_.added.size() +
                            pair_.target_columns.size() + 2 * pair_.target_primary.size() +
                            columns_spare;
        if (needed > limit) {
            pair_.opaque = fmt::format("its {} columns are too many to compare row by row",
                                       pair_.target_columns.size());
            pair_.shadows = {pair_.table};
            return {};
        }
        std::vector<std::string> names, marks;
        for (auto const& name : pair_.target_columns) {
            names.push_back(identifier(name));
            marks.emplace_back("NULL");
        }
        auto const insert =
            connection_.prepare(fmt::format("INSERT INTO {}({}) VALUES({})", pair_.target_name(),
                                            fmt::join(names, ", "), fmt::join(marks, ", ")));
        if (insert) return {};
        refuse("it cannot be written here",
               fmt::format("an index, a check or a column of it needs what only the application "
                           "has ({}); restore it with --swap or --to DIR",
                           insert.error().message()));
        return {};
    }

    /// No declared key: a unique index, else all columns.
    Result<void> key_without_primary() {
        for (auto const& unique : pair_.uniques) {
            if (!unique.is_plain() || unique.primary) continue;
            std::vector<ColumnPair> key;
            for (auto const& name : unique.columns()) {
                auto const found = std::ranges::find_if(
                    pair_.columns, [&](auto const& pair) { return ascii_same(pair.target, name); });
                auto const* column = wanted(name);
                if (found != pair_.columns.end() && column && column->not_null) {
                    key.push_back(*found);
                }
            }
            if (key.size() != unique.parts.size()) continue;
            pair_.key = std::move(key);
            return {};
        }
        if (!pair_.snapshot_rowid.empty() && !pair_.target_rowid.empty() &&
            !pair_.columns.empty()) {
            // A rowid is no key: VACUUM gives others.
            pair_.key = pair_.columns;
            pair_.by_value = true;
        } else {
            refuse("it has no key", "a row of it cannot be told from another");
        }
        return {};
    }

    /// Unique indexes of the target, and which of them the snapshot's rows were never under.
    Result<void> read_uniques(data::TableSchema const& table) {
        PD_TRY(pair_.uniques, unique_indexes(connection_, "main", table.name));
        PD_TRY(auto const known, unique_indexes(connection_, "snap", pair_.table));
        for (auto& unique : pair_.uniques) {
            unique.newer = std::ranges::none_of(
                known, [&](UniqueIndex const& older) { return means_the_same(older, unique); });
        }
        return {};
    }

    bool means_the_same(UniqueIndex const& older, UniqueIndex const& now) const {
        bool const renamed = std::ranges::any_of(pair_.columns, [](ColumnPair const& column) {
            return !ascii_same(column.snapshot, column.target);
        });
        bool const text = !older.is_plain() || !now.is_plain();
        if ((text && renamed) || older.condition != now.condition) return false;
        return std::ranges::equal(older.parts, now.parts, [&](auto const& a, auto const& b) {
            if (!ascii_same(a.collation, b.collation)) return false;
            if (a.column.empty() || b.column.empty()) return a.sql == b.sql;
            return std::ranges::any_of(pair_.columns, [&](ColumnPair const& column) {
                return ascii_same(column.snapshot, a.column) && ascii_same(column.target, b.column);
            });
        });
    }

    /// A column of another affinity may change what it is given: only values that it keeps pass.
    Result<void> check_types(data::TableSchema const& table, data::TableSchema const& there) {
        for (auto const& pair : pair_.columns) {
            auto const type = [&](data::TableSchema const& of, std::string const& name) {
                for (auto const& column : of.columns) {
                    if (ascii_same(column.name, name)) return column.declared_type;
                }
                return std::string();
            };
            auto const before = type(table, pair.snapshot), now = type(there, pair.target);
            char const affinity = affinity_of(now);
            if (affinity == affinity_of(before) || affinity == 'B') continue;
            std::string const kept =
                affinity == 'T' ? "'text', 'blob', 'null'" : "'integer', 'real', 'blob', 'null'";
            PD_TRY(auto const changed,
                   connection_.integer(
                       fmt::format("SELECT count(*) FROM {} WHERE typeof({}) NOT IN ({})",
                                   pair_.snapshot_name(), identifier(pair.snapshot), kept)));
            auto const what = fmt::format("column {} was {} and is now {}", pair.target,
                                          before.empty() ? "untyped" : before, now);
            if (changed == 0) {
                note(what, "every value fits");
            } else {
                refuse(what, fmt::format("{} values of {} would be changed by it; leave them "
                                         "behind with --map-column {}.{}=",
                                         changed, pair.snapshot, pair_.table, pair.snapshot));
            }
        }
        return {};
    }

    Connection& connection_;
    Layout const& snapshot_;
    Layout const& target_;
    PairOptions const& options_;
    TablePair pair_;
    std::vector<TargetColumn> wanted_;
    std::set<std::string> used_;
    Pairing out_;
};

}  // namespace

Result<Pairing> pair_tables(Connection& connection, Layout const& snapshot, Layout const& target,
                            PairOptions const& options) {
    return Pairer(connection, snapshot, target, options).run();
}

}  // namespace perdure::origin
