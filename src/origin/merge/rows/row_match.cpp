// Which row of the target is a row of the snapshot: the one of the same key. Rows without a key, in
// tables that declare none or where it is NULL, are what they hold: the third of five equal rows of
// the snapshot is the third of the target's.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>

#include "origin/merge/pair.h"

namespace perdure::origin {

namespace {

std::vector<std::string> qualified(std::vector<std::string> const& columns,
                                   std::string const& alias) {
    std::vector<std::string> out;
    for (auto const& column : columns) out.push_back(alias + "." + identifier(column));
    return out;
}

/// "x.id IS NOT NULL AND …".
std::string has_key(std::vector<ColumnPair> const& key, std::string ColumnPair::* side,
                    std::string const& alias) {
    std::vector<std::string> terms;
    for (auto const& column : key) {
        terms.push_back(fmt::format("{}.{} IS NOT NULL", alias, identifier(column.*side)));
    }
    return all_of(terms);
}

/// Rows to be met by value, numbered among those that are equal.
std::string numbered(TablePair const& pair, std::string ColumnPair::* side, std::string const& from,
                     std::string const& rowid) {
    std::vector<std::string> values, names;
    for (std::size_t i = 0; i < pair.columns.size(); ++i) {
        auto const name = "x." + identifier(pair.columns[i].*side);
        values.push_back(fmt::format("{} AS c{}", name, i));
        names.push_back(name);
    }
    return fmt::format(
        "SELECT x.{0} AS r, row_number() OVER (PARTITION BY {1} ORDER BY x.{0}) AS n, {2} FROM {3} "
        "x WHERE {4}",
        identifier(rowid), fmt::join(names, ", "), fmt::join(values, ", "), from,
        pair.by_value ? "1" : "NOT (" + has_key(pair.key, side, "x") + ")");
}

}  // namespace

std::vector<std::string> TablePair::snapshot_place(std::string const& alias) const {
    if (snapshot_rowid.empty()) return qualified(snapshot_primary, alias);
    return {alias + "." + identifier(snapshot_rowid)};
}

std::vector<std::string> TablePair::target_place(std::string const& alias) const {
    if (target_rowid.empty()) return qualified(target_primary, alias);
    return {alias + "." + identifier(target_rowid)};
}

std::vector<std::string> TablePair::snapshot_key(std::string const& alias) const {
    return snapshot_primary.empty() ? snapshot_place(alias) : qualified(snapshot_primary, alias);
}

std::vector<std::string> TablePair::target_key(std::string const& alias) const {
    return target_primary.empty() ? target_place(alias) : qualified(target_primary, alias);
}

std::string TablePair::same_row(std::string const& snapshot_alias,
                                std::string const& target_alias) const {
    std::vector<std::string> terms;
    for (auto const& column : key) {
        terms.push_back(fmt::format("{}.{} {} {}.{}", target_alias, identifier(column.target),
                                    by_value ? "IS" : "=", snapshot_alias,
                                    identifier(column.snapshot)));
    }
    return all_of(terms);
}

std::string TablePair::one_row(std::string const& snapshot_alias,
                               std::string const& target_alias) const {
    if (matches.empty()) return same_row(snapshot_alias, target_alias);
    auto const met = fmt::format("(SELECT m.l FROM {} m WHERE m.s = {}.{})", matches,
                                 snapshot_alias, identifier(snapshot_rowid));
    auto const rowid = target_alias + "." + identifier(target_rowid);
    if (by_value) return rowid + " = " + met;
    return fmt::format("{} = CASE WHEN {} THEN (SELECT x.{} FROM {} x WHERE {}) ELSE {} END", rowid,
                       has_key(key, &ColumnPair::snapshot, snapshot_alias),
                       identifier(target_rowid), target_name(), same_row(snapshot_alias, "x"), met);
}

std::string TablePair::in_snapshot(std::string const& target_alias) const {
    auto const keyed = fmt::format("EXISTS(SELECT 1 FROM {} s WHERE {})", snapshot_name(),
                                   same_row("s", target_alias));
    if (matches.empty()) return keyed;
    auto const met = fmt::format("EXISTS(SELECT 1 FROM {} m WHERE m.l = {}.{})", matches,
                                 target_alias, identifier(target_rowid));
    if (by_value) return met;
    return fmt::format("(CASE WHEN {} THEN {} ELSE {} END)",
                       has_key(key, &ColumnPair::target, target_alias), keyed, met);
}

Result<void> match_values(Connection& connection, TablePair const& pair) {
    if (pair.matches.empty()) return {};
    PD_TRY(auto const matched,
           connection.integer("SELECT count(*) FROM temp.sqlite_schema WHERE name = " +
                              literal(pair.matches.substr(5))));
    if (matched > 0) return {};
    PD_CHECK(connection.run(fmt::format(
        "CREATE TEMP TABLE {}(s INTEGER PRIMARY KEY, l INTEGER UNIQUE)", pair.matches.substr(5))));
    std::vector<std::string> same = {"s.n = l.n"};
    for (std::size_t i = 0; i < pair.columns.size(); ++i) {
        same.push_back(fmt::format("s.c{0} IS l.c{0}", i));
    }
    return connection.run(fmt::format(
        "INSERT OR IGNORE INTO {} SELECT s.r, l.r FROM ({}) s JOIN ({}) l ON {}", pair.matches,
        numbered(pair, &ColumnPair::snapshot, pair.snapshot_name(), pair.snapshot_rowid),
        numbered(pair, &ColumnPair::target, pair.target_name(), pair.target_rowid), all_of(same)));
}

std::string all_of(std::vector<std::string> const& terms) {
    constexpr std::size_t bracket_terms = 100;  // SQLite's trees may be 1000 deep
    if (terms.size() <= bracket_terms) {
        return terms.empty() ? "1" : fmt::format("{}", fmt::join(terms, " AND "));
    }
    std::vector<std::string> groups;
    for (std::size_t at = 0; at < terms.size(); at += bracket_terms) {
        auto const group =
            std::span(terms).subspan(at).first(std::min(bracket_terms, terms.size() - at));
        groups.push_back(fmt::format("({})", fmt::join(group, " AND ")));
    }
    return all_of(groups);
}

}  // namespace perdure::origin
