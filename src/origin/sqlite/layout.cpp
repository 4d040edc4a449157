#include "origin/sqlite/layout.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "base/trim.h"
#include "origin/sqlite/fulltext.h"

namespace perdure::origin {

namespace {

constexpr std::string_view rowid_aliases[] = {"_rowid_", "rowid", "oid"};

bool holds_samples(std::string_view table) {
    return ascii_same(table, "sqlite_stat2") || ascii_same(table, "sqlite_stat3") ||
           ascii_same(table, "sqlite_stat4");
}

std::vector<std::string> split_arguments(std::string_view text) {
    std::vector<std::string> arguments;
    int depth = 0;
    std::size_t start = 0;
    for (std::size_t at = 0; at < text.size();) {
        char const c = text[at];
        if (c == '(') ++depth;
        if (c == ')' && depth-- == 0) {
            text = text.substr(0, at);
            break;
        }
        auto const end = token_end(text, at);
        if (c == ',' && depth == 0) {
            arguments.emplace_back(trimmed(text.substr(start, at - start), sql_blanks));
            start = end;
        }
        at = end;
    }
    arguments.emplace_back(trimmed(text.substr(start), sql_blanks));
    return arguments;
}

/// A name without its quotes.
std::string bare_name(std::string_view token) {
    if (token.size() < 2 || std::string_view("\"`[").find(token[0]) == std::string_view::npos) {
        return std::string(token);
    }
    std::string name;
    for (std::size_t at = 1; at + 1 < token.size(); ++at) {
        name += token[at];
        if (token[at] == token[0] && token[at + 1] == token[0]) ++at;  // doubled
    }
    return name;
}

/// The definitions within the outer parentheses of a CREATE TABLE.
std::vector<std::string> definitions_in(std::string_view sql) {
    for (std::size_t at = 0; at < sql.size(); at = token_end(sql, at)) {
        if (sql[at] == '(') return split_arguments(sql.substr(at + 1));
    }
    return {};
}

/// The columns that the expression after AS names.
std::vector<std::size_t> named_after_as(data::TableSchema const& table,
                                        std::string_view definition) {
    std::vector<std::size_t> found;
    bool after_as = false;
    for (std::size_t at = 0; at < definition.size();) {
        auto const end = token_end(definition, at);
        auto const token = definition.substr(at, end - at);
        at = end;
        if (!after_as) {
            after_as = ascii_same(token, "as");
            continue;
        }
        std::string const name = bare_name(token);
        for (std::size_t other = 0; other < table.columns.size(); ++other) {
            if (ascii_same(table.columns[other].name, name)) found.push_back(other);
        }
    }
    return found;
}

Result<void> read_settings(Connection& connection, bool is_wal, data::DatabaseSchema& schema) {
    constexpr std::array names = {"encoding", "page_size", "auto_vacuum", "user_version",
                                  "application_id"};
    for (std::string const name : names) {
        PD_TRY(schema.settings[name], connection.text("PRAGMA main." + name));
    }
    schema.settings["journal_mode"] = is_wal ? "wal" : "delete";
    return {};
}

std::string choose_rowid_name(data::TableSchema const& table) {
    for (auto const alias : rowid_aliases) {
        bool const hidden = std::ranges::any_of(table.columns, [&](data::Column const& column) {
            return ascii_same(column.name, alias);
        });
        if (!hidden) return std::string(alias);
    }
    return {};
}

/// Whether a table with a primary key of its own is WITHOUT ROWID: SQLite itself is asked, since a
/// damaged sqlite_schema may lack the key's index. Where columns hide all names of the rowid, the
/// index tells: that of a WITHOUT ROWID table is listed, and sqlite_schema lacks it.
Result<bool> lacks_rowid(Connection& connection, std::string const& table,
                         std::string const& rowid_name, std::string const& key_index) {
    if (rowid_name.empty()) {
        PD_TRY(std::int64_t const entries,
               connection.integer("SELECT count(*) FROM main.sqlite_schema WHERE type = 'index' "
                                  "AND name = " +
                                  literal(key_index) + " COLLATE NOCASE"));
        return entries == 0;
    }
    auto const asked = connection.prepare("SELECT t." + identifier(rowid_name) + " FROM main." +
                                          identifier(table) + " t LIMIT 0");
    if (asked || asked.error().fault() == Fault::invalid) return !asked;
    return Error(asked.error());
}

/// Not every full-text table keeps all of its module's tables, and where it does not, one of the
/// application's own may bear the name: "notes" over the texts of "notes_content".
bool may_be_of(VirtualTable const& owner, std::string_view ending, data::TableSchema const& table) {
    if (!is_fulltext(owner)) return true;
    if (ascii_same(ending, "_content")) return text_source(owner) == TextSource::own;
    auto const second = [&](std::string_view name) {
        return table.columns.size() > 1 && ascii_same(table.columns[1].name, name);
    };
    if (ascii_same(ending, "_docsize")) return second(owner.module == "fts5" ? "sz" : "size");
    return !ascii_same(ending, "_stat") || second("value");
}

bool is_shadow(data::TableSchema const& table, std::vector<VirtualTable> const& virtual_tables) {
    std::string_view const name = table.name;
    return std::ranges::any_of(virtual_tables, [&](VirtualTable const& owner) {
        if (name.size() <= owner.name.size() + 1 || name[owner.name.size()] != '_' ||
            !ascii_same(name.substr(0, owner.name.size()), owner.name)) {
            return false;
        }
        auto const endings = shadow_endings(owner.module);
        auto const ending = name.substr(owner.name.size());
        if (endings.empty()) return true;
        bool const known =
            std::ranges::any_of(endings, [&](auto each) { return ascii_same(each, ending); });
        return known && may_be_of(owner, ending, table);
    });
}

}  // namespace

std::vector<std::string_view> shadow_endings(std::string_view module) {
    if (module == "fts5") return {"_data", "_idx", "_content", "_docsize", "_config"};
    if (module == "fts3" || module == "fts4") {
        return {"_content", "_segments", "_segdir", "_docsize", "_stat"};
    }
    if (module == "rtree" || module == "rtree_i32" || module == "geopoly") {
        return {"_node", "_parent", "_rowid"};
    }
    return {};
}

VirtualTable parse_virtual_table(std::string name, std::string sql) {
    VirtualTable result{std::move(name), {}, {}, std::move(sql)};
    std::string_view const text = result.sql;
    bool after_using = false;
    for (std::size_t at = 0; at < text.size();) {
        auto const end = token_end(text, at);
        auto const token = text.substr(at, end - at);
        if (after_using && !is_blank_token(token)) {
            auto module = token;
            if (module.size() >= 2 && (module[0] == '"' || module[0] == '[' || module[0] == '`')) {
                module = module.substr(1, module.size() - 2);
            }
            result.module = ascii_lower(module);
            auto const open = text.find('(', end);
            if (open != text.npos) result.arguments = split_arguments(text.substr(open + 1));
            return result;
        }
        after_using = after_using || ascii_same(token, "using");
        at = end;
    }
    return result;
}

std::vector<std::string> computed_from(data::TableSchema const& table, std::string_view sql,
                                       std::size_t column) {
    std::map<std::size_t, std::string> definitions;
    for (auto& definition : definitions_in(sql)) {
        std::size_t at = 0;
        while (at < definition.size() &&
               is_blank_token(definition.substr(at, token_end(definition, at) - at)))
            at = token_end(definition, at);
        if (at == definition.size()) continue;
        auto const name = bare_name(definition.substr(at, token_end(definition, at) - at));
        auto const found = std::ranges::find_if(
            table.columns, [&](data::Column const& each) { return ascii_same(each.name, name); });
        if (found == table.columns.end()) continue;
        definitions.try_emplace(static_cast<std::size_t>(found - table.columns.begin()),
                                std::move(definition));
    }
    std::set<std::size_t> met{column};
    std::vector<std::size_t> ahead{column};
    std::vector<std::string> names;
    while (!ahead.empty()) {
        auto const at = ahead.back();
        ahead.pop_back();
        for (auto const other : named_after_as(table, definitions[at])) {
            if (!met.insert(other).second) continue;
            bool const generated = table.columns[other].generated;
            if (generated) ahead.push_back(other);
            if (!generated) names.push_back(table.columns[other].name);
        }
    }
    return names;
}

Result<TableLayout> read_table(Connection& connection, data::TableSchema& table) {
    TableLayout layout;
    std::map<std::int64_t, std::size_t> key_columns;  // position in the key → column
    PD_TRY(Statement columns,
           connection.prepare("PRAGMA main.table_xinfo(" + identifier(table.name) + ")"));
    for (;;) {
        PD_TRY(bool const more, columns.step());
        if (!more) break;
        enum { name = 1, type = 2, not_null = 3, key = 5, hidden = 6 };
        bool const generated = columns.integer(hidden) >= 2;
        if (columns.integer(key) > 0) key_columns[columns.integer(key)] = table.columns.size();
        if (!generated) {
            layout.stored.push_back(table.columns.size());
            layout.not_null.push_back(columns.integer(not_null) != 0);
        }
        table.columns.push_back({columns.text(name), columns.text(type), generated});
    }
    for (auto const& [position, column] : key_columns) {
        table.primary_key.push_back(table.columns[column].name);
        auto const found = std::ranges::find(layout.stored, column);
        layout.key_values.push_back(static_cast<std::size_t>(found - layout.stored.begin()));
    }
    bool has_key_index = false;
    std::string key_index;
    PD_TRY(Statement indexes,
           connection.prepare("PRAGMA main.index_list(" + identifier(table.name) + ")"));
    for (;;) {
        PD_TRY(bool const more, indexes.step());
        if (!more) break;
        if (indexes.text(3) != "pk") continue;
        has_key_index = true;
        key_index = indexes.text(1);
    }
    layout.rowid_name = choose_rowid_name(table);
    bool key_is_table = false;
    if (has_key_index) {
        PD_TRY(key_is_table, lacks_rowid(connection, table.name, layout.rowid_name, key_index));
    }
    table.keyed_by_rowid = !key_is_table;
    if (key_is_table) {
        layout.rowid_name.clear();
        layout.key = KeyKind::primary_key;
        return layout;
    }
    layout.rowid_is_column = !has_key_index && table.primary_key.size() == 1;
    if (layout.rowid_is_column) layout.rowid_name = table.primary_key[0];
    layout.key = layout.rowid_name.empty() ? KeyKind::ordinal : KeyKind::rowid;
    return layout;
}

Result<Layout> read_layout(Connection& connection, bool is_wal) {
    Layout layout;
    layout.schema.engine = "sqlite";
    PD_CHECK(read_settings(connection, is_wal, layout.schema));
    std::vector<std::string> table_names;
    PD_TRY(Statement rows,
           connection.prepare("SELECT type, name, tbl_name, rootpage, sql FROM main.sqlite_schema "
                              "ORDER BY rowid"));
    for (;;) {
        PD_TRY(bool const more, rows.step());
        if (!more) break;
        auto const type = rows.text(0), name = rows.text(1);
        if (rows.is_null(4) || holds_samples(name) || holds_samples(rows.text(2))) continue;
        layout.schema.objects.push_back({type, name, rows.text(2), rows.text(4)});
        if (type != "table") continue;
        if (rows.integer(3) == 0) {
            layout.virtual_tables.push_back(parse_virtual_table(name, rows.text(4)));
        } else {
            table_names.push_back(name);
        }
    }
    for (auto const& name : table_names) {
        data::TableSchema table{.name = name};
        PD_TRY(TableLayout rows_layout, read_table(connection, table));
        table.shadow = is_shadow(table, layout.virtual_tables);
        if (table.columns.empty()) {
            return fail(Fault::corrupt,
                        "the schema names a table " + name + " that cannot be read");
        }
        layout.schema.tables.push_back(std::move(table));
        layout.tables.push_back(std::move(rows_layout));
    }
    return layout;
}

}  // namespace perdure::origin
