#include "origin/merge/rows/module_tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/ascii.h"
#include "origin/sqlite/fulltext.h"
#include "origin/sqlite/spatial.h"

namespace perdure::origin {

namespace {

constexpr int rows_sampled = 200;

/// Whether `sql` holds `name` as a word of its own.
bool mentions(std::string const& sql, std::string const& name) {
    auto const text = ascii_lower(sql), wanted = ascii_lower(name);
    for (auto at = text.find(wanted); at != text.npos; at = text.find(wanted, at + 1)) {
        auto const end = at + wanted.size();
        bool const begins = at == 0 || !is_sql_word(text[at - 1]);
        if (begins && (end == text.size() || !is_sql_word(text[end]))) return true;
    }
    return false;
}

bool has_argument(VirtualTable const& table, std::string_view name) {
    return std::ranges::any_of(table.arguments, [&](auto const& argument) {
        auto const cut = argument.find('=');
        if (cut == argument.npos) return false;
        auto word = argument.substr(0, cut);
        while (word.ends_with(' ')) word.pop_back();
        return ascii_same(word, name);
    });
}

Result<std::vector<std::string>> visible_columns(Connection& connection, std::string const& schema,
                                                 std::string const& table) {
    std::vector<std::string> out;
    PD_TRY(Statement rows,
           connection.prepare(fmt::format("PRAGMA {}.table_xinfo({})", schema, identifier(table))));
    while (true) {
        PD_TRY(bool const more, rows.step());
        if (!more) return out;
        if (rows.integer(6) == 0) out.push_back(rows.text(1));
    }
}

/// The module opens the table and can be asked for rows; else what it says.
Result<std::vector<std::string>> open_module(Connection& connection, std::string const& schema,
                                             std::string const& table) {
    PD_TRY(auto columns, visible_columns(connection, schema, table));
    if (columns.empty()) return fail(Fault::unsupported, "it shows no columns");
    std::vector<std::string> names;
    for (auto const& column : columns) names.push_back(identifier(column));
    PD_TRY(Statement probe,
           connection.prepare(fmt::format("SELECT rowid, {} FROM {}.{} LIMIT 1",
                                          fmt::join(names, ", "), schema, identifier(table))));
    PD_TRY([[maybe_unused]] bool const any, probe.step());
    return columns;
}

/// Nearly all of an R-Tree's entries stand under rowids of `source`.
Result<bool> shares_rowids(Connection& connection, std::string const& tree,
                           std::string const& source) {
    auto missing = connection.prepare(fmt::format(
        "SELECT count(*), sum(NOT EXISTS(SELECT 1 FROM main.{} s WHERE s.rowid = r.k)) FROM "
        "(SELECT rowid AS k FROM main.{} LIMIT {}) r",
        identifier(source), identifier(tree + "_rowid"), rows_sampled));
    if (!missing) return false;  // no rowid
    PD_TRY(bool const found, missing->step());
    return found && missing->integer(1) * 10 <= missing->integer(0);
}

/// Rows of a virtual table meet by their rowids, which its module keeps. Empty: it follows another
/// table.
Result<std::optional<TablePair>> pair_module(Connection& connection, Layout const& snapshot,
                                             Layout const& target, VirtualTable const& table,
                                             std::vector<SchemaDifference>& differences) {
    using Kind = ModuleTable::Kind;
    PD_TRY(auto here, judge_module(connection, snapshot, table, "snap"));
    auto const there = std::ranges::find_if(
        target.virtual_tables, [&](auto const& each) { return ascii_same(each.name, table.name); });
    bool const gone = there == target.virtual_tables.end();
    ModuleTable now;
    if (!gone) {
        PD_TRY(now, judge_module(connection, target, *there, "main"));
    }
    if (here.kind == Kind::followed || now.kind == Kind::followed) {
        return std::optional<TablePair>();
    }
    TablePair pair{.table = table.name, .type = table.name};
    pair.opaque = here.kind == Kind::opaque ? here.reason : now.reason;
    if (!pair.opaque.empty()) {
        pair.shadows = shadows_of(snapshot, table);
        return std::optional(std::move(pair));
    }
    auto const refuse = [&](std::string what, std::string reason) {
        differences.push_back({table.name, std::move(what), reason, true});
        pair.refused = std::move(reason);
    };
    pair.snapshot_rowid = "rowid";
    if (gone) {
        refuse("the table is gone", "the target has no such table");
    } else if (here.columns != now.columns || is_spatial(table) != is_spatial(*there)) {
        refuse("its columns are others", "its module cannot take rows of another shape");
    } else {
        pair.target_rowid = "rowid";
        pair.key = {{"rowid", "rowid"}};
        for (auto const& name : here.columns) pair.columns.push_back({name, name});
        pair.target_columns = std::move(now.columns);
    }
    return std::optional(std::move(pair));
}

/// Rows whose index cannot be kept in step are not written: it would find what is not there.
Result<void> check_followers(Connection& connection, Layout const& target, Pairing& pairing) {
    for (auto const& text : target.virtual_tables) {
        PD_TRY(auto const judged, judge_module(connection, target, text, "main"));
        if (judged.kind != ModuleTable::Kind::opaque) continue;
        for (auto& pair : pairing.pairs) {
            if (!pair.opaque.empty() || ascii_same(pair.table, text.name)) continue;
            PD_TRY(bool const fed, is_fed_by(connection, text.name, pair.table));
            if (!fed && !ascii_same(content_table(text), pair.table)) continue;
            auto const reason = fmt::format("{}, which follows it, cannot be kept in step: {}",
                                            text.name, judged.reason);
            pairing.differences.push_back({pair.table, "it is indexed", reason, true});
            if (pair.refused.empty()) pair.refused = reason;
        }
    }
    return {};
}

}  // namespace

Result<void> pair_modules(Connection& connection, Layout const& snapshot, Layout const& target,
                          Pairing& pairing) {
    for (auto const& table : snapshot.virtual_tables) {
        PD_TRY(auto pair, pair_module(connection, snapshot, target, table, pairing.differences));
        if (pair) pairing.pairs.push_back(std::move(*pair));
    }
    return check_followers(connection, target, pairing);
}

Result<bool> is_fed_by(Connection& connection, std::string const& text, std::string const& source) {
    PD_TRY(Statement triggers,
           connection.prepare("SELECT sql FROM main.sqlite_schema WHERE type = 'trigger' AND "
                              "tbl_name = " +
                              literal(source) + " COLLATE NOCASE"));
    bool fed = false;
    while (!fed) {
        PD_TRY(bool const more, triggers.step());
        if (!more) return false;
        fed = mentions(triggers.text(0), text);
    }
    PD_TRY(auto const module,
           connection.text("SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = " +
                           literal(text)));
    if (!is_spatial(parse_virtual_table(text, module))) return true;
    return shares_rowids(connection, text, source);
}

Result<ModuleTable> judge_module(Connection& connection, Layout const& layout,
                                 VirtualTable const& table, std::string const& schema) {
    using enum ModuleTable::Kind;
    bool const text = is_fulltext(table);
    if (!text && !is_spatial(table)) {
        return ModuleTable{
            opaque, fmt::format("only its module {} knows its rows", table.module), {}};
    }
    auto columns = open_module(connection, schema, table.name);
    if (!columns) {
        return ModuleTable{
            opaque, fmt::format("it cannot be opened here: {}", columns.error().message()), {}};
    }
    auto const source = text ? text_source(table) : TextSource::own;
    if (source == TextSource::external) return ModuleTable{followed, {}, {}};
    if (source == TextSource::none) {
        return ModuleTable{opaque, "it holds words without the texts they come from", {}};
    }
    if (text && has_argument(table, "languageid")) {
        return ModuleTable{opaque, "the language of each row is hidden in it", {}};
    }
    if (schema == "main") {
        for (auto const& ordinary : layout.schema.tables) {
            if (ordinary.shadow) continue;
            PD_TRY(bool const fed, is_fed_by(connection, table.name, ordinary.name));
            if (fed) return ModuleTable{followed, {}, std::move(*columns)};
        }
    }
    return ModuleTable{own, {}, std::move(*columns)};
}

std::vector<std::string> shadows_of(Layout const& layout, VirtualTable const& table) {
    std::vector<std::string> out;
    auto const own = ascii_lower(table.name) + "_";
    for (auto const& shadow : layout.schema.tables) {
        if (shadow.shadow && ascii_lower(shadow.name).starts_with(own)) out.push_back(shadow.name);
    }
    return out;
}

Result<bool> shadows_differ(Connection& connection, std::vector<std::string> const& tables) {
    for (auto const& table : tables) {
        auto const differ = connection.integer(
            fmt::format("SELECT EXISTS(SELECT * FROM snap.{0} EXCEPT SELECT * FROM main.{0}) OR "
                        "EXISTS(SELECT * FROM main.{0} EXCEPT SELECT * FROM snap.{0})",
                        identifier(table)));
        // Of another shape, or gone, is different, too.
        if (!differ || *differ != 0) return true;
    }
    return false;
}

std::string content_table(VirtualTable const& text) {
    for (auto const& argument : text.arguments) {
        auto const cut = argument.find('=');
        if (cut == std::string::npos) continue;
        auto const trim = [](std::string word) {
            while (!word.empty() &&
                   std::string_view(" \t\n\"'`[").find(word.front()) != std::string_view::npos)
                word.erase(0, 1);
            while (!word.empty() &&
                   std::string_view(" \t\n\"'`]").find(word.back()) != std::string_view::npos)
                word.pop_back();
            return word;
        };
        if (ascii_same(trim(argument.substr(0, cut)), "content")) {
            return trim(argument.substr(cut + 1));
        }
    }
    return {};
}

std::vector<std::string> row_tables(data::DatabaseSchema const& schema) {
    std::vector<std::string> out;
    for (auto const& table : schema.tables) {
        if (!table.shadow) out.push_back(table.name);
    }
    for (auto const& object : schema.objects) {
        if (object.type != "table") continue;
        auto const table = parse_virtual_table(object.name, object.sql);
        if (table.module.empty() || std::ranges::find(out, table.name) != out.end()) continue;
        bool const own =
            is_fulltext(table) ? text_source(table) == TextSource::own : is_spatial(table);
        if (own) out.push_back(table.name);
    }
    return out;
}

}  // namespace perdure::origin
