#include "origin/merge/clash.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "data/key_text.h"
#include "origin/merge/rows/cells.h"

namespace perdure::origin {

std::string key_text(Statement const& row, std::vector<int> const& columns) {
    auto const part = columns.size() == 1 ? data::KeyPart::alone : data::KeyPart::of_several;
    std::string out;
    for (auto const column : columns) {
        out += (out.empty() ? "" : "/") + data::spell_key(value_of(row, column), part);
    }
    return out;
}

Result<Clashes> Clashes::prepare(Stage const& stage, std::size_t at) {
    auto const& pair = stage.pairing.pairs[at];
    Clashes out;
    auto const carried = [&](std::string const& target) {
        for (std::size_t i = 0; i < pair.columns.size(); ++i) {
            if (same_name(pair.columns[i].target, target)) return static_cast<int>(i);
        }
        return -1;
    };
    std::vector<std::pair<std::vector<std::string>, std::string>> uniques = pair.partial_uniques;
    for (auto const& unique : pair.uniques) uniques.emplace_back(unique, "");
    for (auto const& [unique, condition] : uniques) {
        Index index{.columns = unique, .positions = {}, .find = {}};
        std::string where;
        for (auto const& column : unique) {
            index.positions.push_back(carried(column));
            where += fmt::format("{}l.{} = ?{}", where.empty() ? "" : " AND ", identifier(column),
                                 index.positions.size());
        }
        if (std::ranges::find(index.positions, -1) != index.positions.end()) continue;
        if (!condition.empty()) {
            std::string row;
            for (std::size_t i = 0; i < pair.columns.size(); ++i) {
                row += fmt::format("{}?{} AS {}", i ? ", " : "", i + 1,
                                   identifier(pair.columns[i].target));
            }
            auto applies = stage.connection.prepare(
                fmt::format("SELECT 1 FROM (SELECT {}) WHERE {}", row, condition));
            if (!applies) continue;  // it asks for what the snapshot does not have
            index.applies = std::move(*applies);
            where += fmt::format(" AND ({})", condition);
        }
        auto const place = pair.target_place("l");
        PD_TRY(index.find, stage.connection.prepare(fmt::format(
                               "SELECT {}, {} FROM {} l WHERE {}", fmt::join(place, ", "),
                               pair.in_snapshot("l"), pair.target_name(), where)));
        std::string here;
        for (std::size_t i = 0; i < place.size(); ++i) {
            here += fmt::format("{}{} = ?{}", i ? " AND " : "", place[i], i + 1);
        }
        PD_TRY(index.chosen,
               stage.connection.prepare(fmt::format(
                   "SELECT CASE WHEN {} THEN {} ELSE {} END FROM {} l WHERE {}",
                   pair.in_snapshot("l"), stage.scope.chosen(at, pair),
                   stage.scope.selected(at) ? "(" + stage.scope.removable(at) + ")" : "0",
                   pair.target_name(), here)));
        out.indexes_.push_back(std::move(index));
    }
    return out;
}

Result<std::optional<Clashes::Found>> Clashes::find(Statement const& row, std::string const& own) {
    for (auto& index : indexes_) {
        if (index.applies) {
            for (int i = 0; i < sqlite3_bind_parameter_count(index.applies.get()); ++i) {
                sqlite3_bind_value(index.applies.get(), i + 1, sqlite3_column_value(row.get(), i));
            }
            PD_TRY(bool const counts, index.applies.step());
            index.applies.reset();
            if (!counts) continue;
        }
        for (std::size_t i = 0; i < index.positions.size(); ++i) {
            sqlite3_bind_value(index.find.get(), static_cast<int>(i) + 1,
                               sqlite3_column_value(row.get(), index.positions[i]));
        }
        PD_TRY(bool const found, index.find.step());
        int const last = sqlite3_column_count(index.find.get()) - 1;
        std::vector<int> place;
        for (int i = 0; found && i < last; ++i) place.push_back(i);
        auto const holder = key_text(index.find, place);
        if (!found || holder == own) {
            index.find.reset();
            continue;
        }
        Found out{fmt::format("{}", fmt::join(index.columns, "+")), holder, index.positions[0],
                  index.find.integer(last) != 0};
        for (int const i : place) {
            sqlite3_bind_value(index.chosen.get(), i + 1,
                               sqlite3_column_value(index.find.get(), i));
        }
        index.find.reset();
        PD_TRY(bool const there, index.chosen.step());
        out.chosen = there && index.chosen.integer(0) != 0;
        index.chosen.reset();
        return std::optional(std::move(out));
    }
    return std::optional<Found>();
}

}  // namespace perdure::origin
