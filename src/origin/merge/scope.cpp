// The chosen rows of a table lie in temp.scope_N: where the row is (rowid, or primary key), why it
// is there, and in which round it came. Each round looks only at the rows of the round before, so
// the whole costs one look at each row that is taken.
#include "origin/merge/scope.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/ascii.h"
#include "data/key_text.h"
#include "data/mapping_path.h"
#include "origin/merge/rows/cells.h"
#include "origin/records/record_source.h"
#include "origin/sqlite/media.h"

namespace perdure::origin {

class ScopeBuilder {
public:
    ScopeBuilder(Connection& connection, Pairing const& pairing, Ties const& ties,
                 Scope::Request const& request)
        : connection_(connection), pairing_(pairing), ties_(ties), request_(request) {}

    Result<Scope> run(std::stop_token stop) {
        using Kind = data::Selector::Kind;
        bool const all = request_.selectors.empty() ||
                         std::ranges::find(request_.selectors, Kind::whole,
                                           &data::Selector::kind) != request_.selectors.end();
        scope_.whole_ = all && request_.filter.empty();
        if (scope_.whole_) return std::move(scope_);
        PD_CHECK(make_tables());
        scope_.reasons_.push_back({});
        if (all) {
            PD_CHECK(select_filtered({}, stop));
        } else {
            PD_CHECK(select_named(stop));
        }
        PD_CHECK(add_belongings());
        PD_CHECK(close_over_parents());
        PD_CHECK(add_standing());
        PD_CHECK(collect_media());
        return std::move(scope_);
    }

private:
    std::string table_of(std::size_t pair) const { return fmt::format("temp.scope_{}", pair); }

    Result<void> make_tables() {
        auto const count = pairing_.pairs.size();
        scope_.tables_.resize(count);
        scope_.selected_.resize(count, false);
        scope_.removable_.resize(count, "0");
        scope_.joins_.resize(count);
        for (std::size_t at = 0; at < count; ++at) {
            auto const& pair = pairing_.pairs[at];
            if (pair.snapshot_rowid.empty() && pair.snapshot_primary.empty()) continue;
            auto const place = pair.snapshot_place("s");
            std::string columns, join;
            for (std::size_t i = 0; i < place.size(); ++i) {
                columns += fmt::format("{}k{}", i ? ", " : "", i);
                join += fmt::format("{}{} = c.k{}", i ? " AND " : "", place[i], i);
            }
            auto const rowid = !pair.snapshot_rowid.empty();
            PD_CHECK(connection_.run(fmt::format(
                "CREATE TEMP TABLE scope_{}({}, why INTEGER, round INTEGER, PRIMARY KEY({})){}", at,
                rowid ? "k0 INTEGER" : columns, columns, rowid ? "" : " WITHOUT ROWID")));
            PD_CHECK(connection_.run(
                fmt::format("CREATE INDEX temp.scope_round_{0} ON scope_{0}(round)", at)));
            scope_.joins_[at] = join;
        }
        return {};
    }

    /// Adds what `select` yields (places of rows of `pair`), each once. How many were new.
    Result<std::int64_t> add(std::size_t pair, std::string const& select) {
        if (scope_.joins_[pair].empty()) return 0;
        PD_CHECK(connection_.run("INSERT OR IGNORE INTO " + table_of(pair) + " " + select));
        auto const added = sqlite3_changes64(connection_.get());
        if (added > 0) scope_.tables_[pair] = table_of(pair);
        return added;
    }

    std::string place(std::size_t pair, std::string const& alias) const {
        return fmt::format("{}", fmt::join(pairing_.pairs[pair].snapshot_place(alias), ", "));
    }

    Result<std::size_t> named_pair(data::Selector const& selector) const {
        for (std::size_t at = 0; at < pairing_.pairs.size(); ++at) {
            if (pairing_.pairs[at].type == selector.type) return at;
        }
        if (auto const found = find_pair(pairing_, selector.type)) return *found;
        return fail(Fault::not_found,
                    fmt::format("\"{}\": the snapshot has no such type or table", selector.text))
            .with_code(2);
    }

    Result<void> select_named(std::stop_token const& stop) {
        std::vector<std::string> filtered;
        for (auto const& selector : request_.selectors) {
            if (selector.kind == data::Selector::Kind::path) continue;  // media, not rows
            PD_TRY(auto const pair, named_pair(selector));
            scope_.selected_[pair] = true;
            if (selector.kind == data::Selector::Kind::record) {
                PD_CHECK(select_record(pair, selector));
            } else if (request_.filter.empty()) {
                scope_.removable_[pair] = "1";
                PD_CHECK(add(pair, fmt::format("SELECT {}, 0, 0 FROM {} s", place(pair, "s"),
                                               pairing_.pairs[pair].snapshot_name())));
            } else {
                filtered.push_back(pairing_.pairs[pair].type);
            }
        }
        return filtered.empty() ? Result<void>{} : select_filtered(filtered, stop);
    }

    Result<void> select_record(std::size_t at, data::Selector const& selector) {
        auto const& pair = pairing_.pairs[at];
        auto names = pair.snapshot_primary;
        if (names.empty()) names = {pair.snapshot_rowid};
        auto const parts = data::read_key(selector.id, names.size());
        if (parts.empty()) {
            return fail(Fault::invalid, fmt::format("\"{}\": the key of {} is {}", selector.text,
                                                    pair.table, fmt::join(names, "/")))
                .with_code(2)
                .with_fix("a part that holds a '/' stands between single quotes");
        }
        std::vector<std::string> terms;
        std::vector<data::Value const*> values;
        for (std::size_t i = 0; i < names.size(); ++i) {
            std::vector<std::string> any;
            for (auto const& value : parts[i]) {
                values.push_back(&value);
                any.push_back(fmt::format("s.{} IS ?{}", identifier(names[i]), values.size()));
            }
            terms.push_back(fmt::format("({})", fmt::join(any, " OR ")));
        }
        auto const where = fmt::format("{}", fmt::join(terms, " AND "));
        auto const bind = [&](Statement& statement) {
            for (std::size_t i = 0; i < values.size(); ++i) {
                bind_value(statement.get(), static_cast<int>(i) + 1, *values[i]);
            }
        };
        PD_TRY(Statement insert, connection_.prepare(fmt::format(
                                     "INSERT OR IGNORE INTO {} SELECT {}, 0, 0 FROM {} s WHERE {}",
                                     table_of(at), place(at, "s"), pair.snapshot_name(), where)));
        bind(insert);
        PD_CHECK(insert.run());
        scope_.tables_[at] = table_of(at);
        PD_TRY(Statement probe,
               connection_.prepare(fmt::format("SELECT 1 FROM {} s WHERE {} LIMIT 1",
                                               pair.snapshot_name(), where)));
        bind(probe);
        PD_TRY(bool const there, probe.step());
        if (there) return {};
        return fail(Fault::not_found,
                    fmt::format("\"{}\": the snapshot holds no such record", selector.text))
            .with_code(2)
            .with_fix("it may be in another snapshot: perdure backup history " + selector.text);
    }

    /// The records that the filter takes, of the named types or of all.
    Result<void> select_filtered(std::vector<std::string> const& types,
                                 std::stop_token const& stop) {
        RecordOptions options{.types = types,
                              .unmapped_tables = !types.empty(),
                              .follow_people = !request_.filter.subjects.empty()};
        PD_TRY(auto reader, open_records(request_.snapshot, options, stop));
        if (request_.filter.where) PD_CHECK(request_.filter.where->check(reader->types()));
        std::map<std::string, Statement, std::less<>> inserts;
        while (true) {
            PD_TRY(auto const* record, reader->next(stop));
            if (!record) break;
            if (!request_.filter.matches(*record)) continue;
            auto const pair = find_pair(pairing_, record->table);
            if (!pair || scope_.joins_[*pair].empty()) continue;
            scope_.tables_[*pair] = table_of(*pair);
            scope_.selected_[*pair] = true;
            PD_CHECK(add_record(*pair, *record, inserts[std::string(record->table)]));
        }
        return {};
    }

    Result<void> add_record(std::size_t at, data::Record const& record, Statement& insert) {
        auto const& pair = pairing_.pairs[at];
        auto const keys =
            pair.snapshot_primary.empty() ? std::size_t{1} : pair.snapshot_primary.size();
        if (!insert) {
            std::string where;
            for (std::size_t i = 0; i < keys; ++i) {
                auto const& name =
                    pair.snapshot_primary.empty() ? pair.snapshot_rowid : pair.snapshot_primary[i];
                where += fmt::format("{}s.{} IS ?{}", i ? " AND " : "", identifier(name), i + 1);
            }
            PD_TRY(insert, connection_.prepare(fmt::format(
                               "INSERT OR IGNORE INTO {} SELECT {}, 0, 0 FROM {} s WHERE {}",
                               table_of(at), place(at, "s"), pair.snapshot_name(), where)));
        }
        for (std::size_t i = 0; i < keys; ++i) {
            auto const index = static_cast<int>(i) + 1;
            if (pair.snapshot_primary.empty()) {
                bind_view(insert.get(), index, std::string_view(record.id));
                continue;
            }
            auto const field = std::ranges::find_if(record.fields, [&](auto const& each) {
                return ascii_same(each.name, pair.snapshot_primary[i]);
            });
            if (field != record.fields.end()) bind_view(insert.get(), index, field->value);
        }
        return insert.run();
    }

    // ---- what hangs together -----------------------------------------------------------------

    std::int64_t add_reason(Scope::Reason reason) {
        for (std::size_t at = 1; at < scope_.reasons_.size(); ++at) {
            auto const& known = scope_.reasons_[at];
            if (known.kind == reason.kind && known.text == reason.text)
                return static_cast<std::int64_t>(at);
        }
        scope_.reasons_.push_back(std::move(reason));
        return static_cast<std::int64_t>(scope_.reasons_.size()) - 1;
    }

    Result<void> add_belongings() {
        for (auto const& edge : ties_.all()) {
            if (!edge.belongs) continue;
            if (scope_.tables_[edge.parent].empty() || !scope_.selected_[edge.parent]) continue;
            auto const why = add_reason({Scope::Reason::Kind::belongs, edge.text});
            auto const& pair = pairing_.pairs[edge.child];
            PD_CHECK(add(edge.child,
                         fmt::format("SELECT {}, {}, 0 FROM {} c CROSS JOIN {} p ON {} "
                                     "CROSS JOIN {} s ON {} WHERE c.why = 0",
                                     place(edge.child, "s"), why, table_of(edge.parent),
                                     pairing_.pairs[edge.parent].snapshot_name(),
                                     join_of(edge.parent, "p"), pair.snapshot_name(),
                                     joined("s", edge.child_columns, "p", edge.parent_columns))));
            // What was hung onto a selected record since may go with --delete.
            auto const target = std::ranges::find_if(pair.columns, [&](auto const& column) {
                return ascii_same(column.snapshot, edge.child_columns[0]);
            });
            if (target == pair.columns.end() || scope_.removable_[edge.child] != "0") continue;
            scope_.removable_[edge.child] =
                fmt::format("l.{} IN (SELECT p.{} FROM {} c CROSS JOIN {} p ON {} WHERE c.why = 0)",
                            identifier(target->target), identifier(edge.parent_columns[0]),
                            table_of(edge.parent), pairing_.pairs[edge.parent].snapshot_name(),
                            join_of(edge.parent, "p"));
        }
        return {};
    }

    /// The join of the chosen places `c` with the snapshot's rows under `alias`.
    std::string join_of(std::size_t pair, std::string const& alias) const {
        auto const columns = pairing_.pairs[pair].snapshot_place(alias);
        std::string out;
        for (std::size_t i = 0; i < columns.size(); ++i) {
            out += fmt::format("{}{} = c.k{}", i ? " AND " : "", columns[i], i);
        }
        return out;
    }

    Result<void> close_over_parents() {
        for (int round = 0;; ++round) {
            std::int64_t added = 0;
            for (auto const& edge : ties_.all()) {
                if (edge.belongs || scope_.tables_[edge.child].empty()) continue;
                auto const& parent = pairing_.pairs[edge.parent];
                if (!parent.refused.empty() || parent.key.empty()) continue;
                auto const why = add_reason({Scope::Reason::Kind::needed, edge.text});
                PD_TRY(auto const more,
                       add(edge.parent,
                           fmt::format(
                               "SELECT {}, {}, {} FROM {} c CROSS JOIN {} x ON {} CROSS JOIN {} s "
                               "ON {} WHERE c.round = {} AND NOT EXISTS (SELECT 1 FROM {} l WHERE "
                               "{})",
                               place(edge.parent, "s"), why, round + 1, table_of(edge.child),
                               pairing_.pairs[edge.child].snapshot_name(), join_of(edge.child, "x"),
                               parent.snapshot_name(),
                               joined("s", edge.parent_columns, "x", edge.child_columns), round,
                               parent.target_name(), parent.same_row("s", "l"))));
                added += more;
            }
            if (added == 0) return {};
        }
    }

    /// What the chosen rows refer to and what is there, but as another one.
    Result<void> add_standing() {
        for (auto const& edge : ties_.all()) {
            auto const& parent = pairing_.pairs[edge.parent];
            if (edge.belongs || scope_.tables_[edge.child].empty() || parent.key.empty()) continue;
            auto const why = add_reason({Scope::Reason::Kind::standing, edge.text});
            PD_CHECK(add(edge.parent,
                         fmt::format("SELECT {}, {}, -1 FROM {} c CROSS JOIN {} x ON {} CROSS JOIN "
                                     "{} s ON {} JOIN {} l ON {} WHERE c.round >= 0 AND {}",
                                     place(edge.parent, "s"), why, table_of(edge.child),
                                     pairing_.pairs[edge.child].snapshot_name(),
                                     join_of(edge.child, "x"), parent.snapshot_name(),
                                     joined("s", edge.parent_columns, "x", edge.child_columns),
                                     parent.target_name(), parent.same_row("s", "l"),
                                     ties_.is_another(edge.parent))));
        }
        return {};
    }

    // ---- media -------------------------------------------------------------------------------

    Result<void> collect_media() {
        std::set<std::string> found;
        for (auto const& record : request_.snapshot.mapping.records) {
            auto const at = find_pair(pairing_, record.table);
            auto const field = record.fields.find("media");
            if (!at || field == record.fields.end() || scope_.tables_[*at].empty()) continue;
            auto const path = data::parse_mapping_path(field->second);
            if (!path) continue;
            auto const sql = media_sql(*at, *path);
            if (sql.empty()) continue;
            PD_TRY(Statement rows, connection_.prepare(sql));
            while (true) {
                PD_TRY(bool const more, rows.step());
                if (!more) break;
                if (rows.is_null(0)) continue;
                auto const path = below_media(rows.text(0), request_.snapshot.media);
                if (!path.empty()) found.insert(path);
            }
        }
        scope_.media_.assign(found.begin(), found.end());
        return {};
    }

    std::string media_sql(std::size_t at, data::MappingPath const& path) const {
        using Kind = data::MappingPath::Kind;
        auto const records = fmt::format("{} c CROSS JOIN {} s ON {}", table_of(at),
                                         pairing_.pairs[at].snapshot_name(), join_of(at, "s"));
        auto const key = identifier(key_of(pairing_.pairs[at]));
        switch (path.kind) {
            case Kind::column:
                return fmt::format("SELECT s.{} FROM {}", identifier(path.column), records);
            case Kind::children:
                return fmt::format("SELECT m.{} FROM {} CROSS JOIN snap.{} m ON m.{} = s.{}",
                                   identifier(path.value), records, identifier(path.table),
                                   identifier(path.children_key), key);
            case Kind::lookup:
                if (auto const there = find_pair(pairing_, path.table)) {
                    return fmt::format("SELECT m.{} FROM {} CROSS JOIN snap.{} m ON m.{} = s.{}",
                                       identifier(path.value), records, identifier(path.table),
                                       identifier(key_of(pairing_.pairs[*there])),
                                       identifier(path.column));
                }
                return {};
            case Kind::link:
                if (auto const there = find_pair(pairing_, path.table)) {
                    return fmt::format(
                        "SELECT m.{} FROM {} CROSS JOIN snap.{} k ON k.{} = s.{} CROSS JOIN "
                        "snap.{} m ON m.{} = k.{}",
                        identifier(path.value), records, identifier(path.link_table),
                        identifier(path.link_here), key, identifier(path.table),
                        identifier(key_of(pairing_.pairs[*there])), identifier(path.link_there));
                }
                return {};
        }
        return {};
    }

    Connection& connection_;
    Pairing const& pairing_;
    Ties const& ties_;
    Scope::Request const& request_;
    Scope scope_;
};

Result<Scope> Scope::choose(Connection& connection, Pairing const& pairing, Ties const& ties,
                            Request const& request, std::stop_token stop) {
    return ScopeBuilder(connection, pairing, ties, request).run(std::move(stop));
}

std::string Scope::from(std::size_t pair, TablePair const& table) const {
    if (whole_) return fmt::format(" FROM {} s NOT INDEXED", table.snapshot_name());
    return fmt::format(" FROM {} c CROSS JOIN {} s ON {}", tables_[pair], table.snapshot_name(),
                       joins_[pair]);
}

std::string Scope::chosen(std::size_t pair, TablePair const& table) const {
    if (whole_) return "1";
    if (tables_[pair].empty()) return "0";
    return fmt::format("EXISTS(SELECT 1 FROM {} s CROSS JOIN {} c ON {} WHERE {} AND c.round >= 0)",
                       table.snapshot_name(), tables_[pair], joins_[pair],
                       table.same_row("s", "l"));
}

}  // namespace perdure::origin
