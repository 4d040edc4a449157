#include "origin/merge/clash.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/ascii.h"
#include "data/key_text.h"
#include "origin/merge/rows/cells.h"

namespace perdure::origin {

namespace {

constexpr std::size_t value_bytes_shown = 60;

/// Target columns that come from the snapshot, or that have a default, under their own names.
std::string as_target(TablePair const& pair) {
    std::vector<std::string> out;
    for (auto const& column : pair.columns) {
        out.push_back(
            fmt::format("s.{} AS {}", identifier(column.snapshot), identifier(column.target)));
    }
    for (std::size_t i = 0; i < pair.added.size(); ++i) {
        out.push_back(fmt::format("({}) AS {}", pair.defaults[i], identifier(pair.added[i])));
    }
    return fmt::format("{}", fmt::join(out, ", "));
}

}  // namespace

std::string key_text(Statement const& row, std::vector<int> const& columns) {
    auto const part = columns.size() == 1 ? data::KeyPart::alone : data::KeyPart::of_several;
    std::string out;
    for (auto const column : columns) {
        out += (out.empty() ? "" : "/") + data::spell_key(value_of(row, column), part);
    }
    return out;
}

std::string key_text_from(Statement const& row, int first) {
    std::vector<int> columns;
    for (int at = first; at < sqlite3_column_count(row.get()); ++at) columns.push_back(at);
    return key_text(row, columns);
}

Clashes::Clashes(Stage const& stage, std::size_t pair)
    : stage_(&stage), at_(pair), pair_(&stage.pairing.pairs[pair]) {}

Result<Clashes> Clashes::prepare(Stage const& stage, std::size_t at) {
    Clashes out(stage, at);
    // A fresh target has the snapshot's own indexes and no rows, a swapped one will have them.
    if (stage.request.fresh || stage.request.swap) return out;
    for (auto const& unique : out.pair_->uniques) {
        if (unique.primary && !unique.newer) continue;  // who holds its key is the row itself
        PD_TRY(auto index, out.make(unique));
        if (index) out.indexes_.push_back(std::move(*index));
    }
    return out;
}

Result<std::optional<Clashes::Index>> Clashes::make(UniqueIndex const& unique) {
    Index index;
    std::vector<std::string> what;
    for (auto const& part : unique.parts) {
        what.push_back(part.column.empty() ? part.sql : part.column);
        auto const column = std::ranges::find_if(
            pair_->target_columns, [&](auto const& name) { return ascii_same(name, part.column); });
        bool const stored = column != pair_->target_columns.end();
        if (part.sql.empty() || (!part.column.empty() && !stored)) return std::optional<Index>();
        index.columns.push_back(static_cast<int>(column - pair_->target_columns.begin()));
    }
    index.what = fmt::format("{}", fmt::join(what, "+"));
    if (!unique.is_plain()) {
        PD_TRY(bool const known, prepare_values(index, unique));
        if (!known) return std::optional<Index>();
    }
    if (!unique.primary) PD_CHECK(prepare_find(index, unique));
    if (unique.newer) PD_CHECK(prepare_twin(index, unique));
    return std::optional(std::move(index));
}

/// False: it asks for what only the database can compute.
Result<bool> Clashes::prepare_values(Index& index, UniqueIndex const& unique) {
    auto& connection = stage_->connection;
    PD_TRY(auto const generated,
           connection.integer("SELECT count(*) FROM pragma_table_xinfo(" + literal(pair_->table) +
                              ", 'main') WHERE hidden > 1"));
    if (generated > 0) return false;
    auto values = connection.prepare(unique.of_row(pair_->target_columns));
    if (!values) return false;
    index.values = std::move(*values);
    return true;
}

Result<void> Clashes::prepare_find(Index& index, UniqueIndex const& unique) {
    auto& connection = stage_->connection;
    auto const place = pair_->target_place("l");
    PD_TRY(index.find, connection.prepare(fmt::format(
                           "SELECT {}, {}, {} FROM {} l WHERE {} AND {}", pair_->in_snapshot("l"),
                           fmt::join(place, ", "), fmt::join(pair_->target_key("l"), ", "),
                           pair_->target_name(), unique.equals("l"), unique.applies())));
    std::string here;
    for (std::size_t i = 0; i < place.size(); ++i) {
        here += fmt::format("{}{} = ?{}", i ? " AND " : "", place[i], i + 1);
    }
    auto const removable = stage_->scope.selected(at_)
                               ? fmt::format("(({}) AND NOT {})", stage_->scope.removable(at_),
                                             stage_->removals.stays(at_))
                               : std::string("0");
    PD_TRY(index.chosen, connection.prepare(
                             fmt::format("SELECT CASE WHEN {} THEN {} ELSE {} END FROM {} l "
                                         "WHERE {}",
                                         pair_->in_snapshot("l"), stage_->scope.chosen(at_, *pair_),
                                         removable, pair_->target_name(), here)));
    return {};
}

/// What the chosen rows of the snapshot come to under an index that they never knew.
Result<void> Clashes::prepare_twin(Index& index, UniqueIndex const& unique) {
    auto& connection = stage_->connection;
    auto const name = fmt::format("twins_{}_{}", at_, indexes_.size());
    auto const place = pair_->snapshot_place("s");
    std::vector<std::string> table, keys, equal, sources, chosen, joins, own;
    for (std::size_t i = 0; i < unique.parts.size(); ++i) {
        table.push_back(fmt::format("k{} COLLATE {}", i, identifier(unique.parts[i].collation)));
        keys.push_back(fmt::format("k{}", i));
        equal.push_back(fmt::format("t.k{} = ?{}", i, i + 1));
    }
    for (std::size_t i = 0; i < place.size(); ++i) {
        table.push_back(fmt::format("p{}", i));
        sources.push_back(fmt::format("{} AS \"place {}\"", place[i], i));
        chosen.push_back(fmt::format("\"place {}\"", i));
        joins.push_back(fmt::format("{} = t.p{}", place[i], i));
        own.push_back(fmt::format("t.p{} IS ?{}", i, keys.size() + i + 1));
    }
    PD_CHECK(connection.run(fmt::format("CREATE TEMP TABLE {}({})", name, fmt::join(table, ", "))));
    auto const filled = connection.run(
        fmt::format("INSERT INTO temp.{} SELECT {}, {} FROM (SELECT {}, {}{}{}) WHERE {}", name,
                    unique.sides(), fmt::join(chosen, ", "), as_target(*pair_),
                    fmt::join(sources, ", "), stage_->scope.from(at_, *pair_),
                    stage_->scope.whole() ? "" : " WHERE c.round >= 0", unique.applies()));
    if (!filled) return {};  // the database itself will tell
    PD_CHECK(connection.run(
        fmt::format("CREATE INDEX temp.{0}_keys ON {0}({1})", name, fmt::join(keys, ", "))));
    PD_TRY(index.twin,
           connection.prepare(fmt::format(
               "SELECT {} FROM temp.{} t CROSS JOIN {} s ON {} WHERE {} AND NOT ({}) "
               "LIMIT 1",
               fmt::join(pair_->snapshot_key("s"), ", "), name, pair_->snapshot_name(),
               fmt::join(joins, " AND "), fmt::join(equal, " AND "), fmt::join(own, " AND "))));
    return {};
}

void Clashes::Values::bind(Statement& into) const {
    for (std::size_t i = 0; i < columns.size(); ++i) {
        sqlite3_bind_value(into.get(), static_cast<int>(i) + 1,
                           sqlite3_column_value(from->get(), columns[i]));
    }
}

Result<Clashes::Values> Clashes::values_of(Index& index, Row const& row) const {
    Values out;
    if (!index.values) {
        for (int const column : index.columns) {
            out.columns.push_back(row.cells[static_cast<std::size_t>(column)]);
        }
        out.from = &row.statement;
        return out;
    }
    Values const all{&row.statement, row.cells};
    index.values.reset();
    all.bind(index.values);
    PD_TRY(bool const counts, index.values.step());
    if (!counts) return out;
    for (int i = 0; i < sqlite3_column_count(index.values.get()); ++i) out.columns.push_back(i);
    out.from = &index.values;
    return out;
}

Result<std::string> Clashes::find(Row const& row) {
    for (auto& index : indexes_) {
        PD_TRY(auto const values, values_of(index, row));
        if (!values.from) continue;
        PD_TRY(auto reason, holder(index, values, row.own));
        if (reason.empty()) {
            PD_TRY(reason, twin(index, values, row));
        }
        if (reason.empty()) continue;
        auto const value = values.from->text(values.columns[0]).substr(0, value_bytes_shown);
        return fmt::format("{} \"{}\" {}", index.what, value, reason);
    }
    return std::string();
}

/// Who holds the values in the target, unless it gives way: overwritten, or deleted.
Result<std::string> Clashes::holder(Index& index, Values const& values, std::string const& own) {
    if (!index.find) return std::string();
    values.bind(index.find);
    PD_TRY(bool const found, index.find.step());
    auto const places = static_cast<int>(pair_->target_place("l").size());
    std::vector<int> place;
    for (int i = 1; found && i <= places; ++i) place.push_back(i);
    if (!found || key_text(index.find, place) == own) {
        index.find.reset();
        return std::string();
    }
    auto reason =
        fmt::format("belongs to {} in the target", spell(key_text_from(index.find, places + 1)));
    bool const gives_way = index.find.integer(0) != 0
                               ? stage_->request.strategy == data::Strategy::overwrite
                               : stage_->request.remove;
    for (int const i : place) {
        sqlite3_bind_value(index.chosen.get(), i, sqlite3_column_value(index.find.get(), i));
    }
    index.find.reset();
    PD_TRY(bool const there, index.chosen.step());
    bool const chosen = there && index.chosen.integer(0) != 0;
    index.chosen.reset();
    return chosen && gives_way ? std::string() : reason;
}

Result<std::string> Clashes::twin(Index& index, Values const& values, Row const& row) {
    if (!index.twin) return std::string();
    values.bind(index.twin);
    auto const keys = static_cast<int>(values.columns.size());
    for (int i = keys; i < sqlite3_bind_parameter_count(index.twin.get()); ++i) {
        auto const column = row.snapshot_place + i - keys;
        sqlite3_bind_value(index.twin.get(), i + 1,
                           sqlite3_column_value(row.statement.get(), column));
    }
    PD_TRY(bool const found, index.twin.step());
    auto const other = found ? spell(key_text_from(index.twin, 0)) : std::string();
    index.twin.reset();
    return found ? fmt::format("may stand only once by now, and {} has it, too: choose one of them",
                               other)
                 : std::string();
}

std::string Clashes::spell(std::string const& key) const {
    return data::spell_record(stage_->request.target.name, pair_->type, key);
}

}  // namespace perdure::origin
