#include "origin/merge/clash.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace perdure::origin {

std::string key_text(Statement const& row, int column) {
    if (sqlite3_column_type(row.get(), column) == SQLITE_BLOB) return to_hex(row.bytes(column));
    return row.text(column);
}

Result<Clashes> Clashes::prepare(Stage const& stage, TablePair const& pair) {
    Clashes out;
    auto const carried = [&](std::string const& target) {
        for (std::size_t i = 0; i < pair.columns.size(); ++i) {
            if (same_name(pair.columns[i].target, target)) return static_cast<int>(i);
        }
        return -1;
    };
    for (auto const& unique : pair.uniques) {
        Index index{.columns = unique, .positions = {}, .find = {}};
        std::string where;
        for (auto const& column : unique) {
            index.positions.push_back(carried(column));
            where += fmt::format("{}l.{} = ?{}", where.empty() ? "" : " AND ", identifier(column),
                                 index.positions.size());
        }
        if (std::ranges::find(index.positions, -1) != index.positions.end()) continue;
        auto const place = pair.target_place("l");
        PD_TRY(index.find, stage.connection.prepare(fmt::format(
                               "SELECT {}, EXISTS(SELECT 1 FROM {} s WHERE {}) FROM {} l WHERE {}",
                               fmt::join(place, ", "), pair.snapshot_name(),
                               pair.same_row("s", "l"), pair.target_name(), where)));
        out.indexes_.push_back(std::move(index));
    }
    return out;
}

Result<std::optional<Clashes::Found>> Clashes::find(Statement const& row, std::string const& own) {
    for (auto& index : indexes_) {
        for (std::size_t i = 0; i < index.positions.size(); ++i) {
            sqlite3_bind_value(index.find.get(), static_cast<int>(i) + 1,
                               sqlite3_column_value(row.get(), index.positions[i]));
        }
        PD_TRY(bool const found, index.find.step());
        std::string holder;
        int const last = sqlite3_column_count(index.find.get()) - 1;
        for (int i = 0; found && i < last; ++i) {
            holder += (i ? "/" : "") + key_text(index.find, i);
        }
        bool const in_snapshot = found && index.find.integer(last) != 0;
        index.find.reset();
        if (!found || holder == own) continue;
        return std::optional(Found{fmt::format("{}", fmt::join(index.columns, "+")), holder,
                                   index.positions[0], in_snapshot});
    }
    return std::optional<Found>();
}

}  // namespace perdure::origin
