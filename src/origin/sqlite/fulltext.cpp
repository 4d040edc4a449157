#include "origin/sqlite/fulltext.h"

#include <algorithm>

#include "base/ascii.h"
#include "origin/sqlite/routing.h"

namespace perdure::origin {

namespace {

constexpr int rows_sampled = 200;

bool mentions(std::string const& sql, std::string const& name) {
    return ascii_lower(sql).find(ascii_lower(name)) != std::string::npos;
}

bool is_fed_by(Layout const& layout, VirtualTable const& table, std::string const& source) {
    bool const by_trigger = std::ranges::any_of(layout.schema.objects, [&](auto const& object) {
        return object.type == "trigger" && ascii_same(object.table, source) &&
               mentions(object.sql, table.name);
    });
    std::string const name = ascii_lower(table.name), root = ascii_lower(source);
    return by_trigger || name.starts_with(root + "_") || name.ends_with("_" + root);
}

}  // namespace

bool is_fulltext(VirtualTable const& table) {
    return table.module == "fts5" || table.module == "fts4" || table.module == "fts3";
}

TextSource text_source(VirtualTable const& table) {
    for (auto argument : table.arguments) {
        std::erase_if(argument, [](char c) {
            return c == ' ' || c == '\t' || c == '\n' || c == '"' || c == '\'' || c == '`' ||
                   c == '[' || c == ']';
        });
        if (!ascii_lower(argument).starts_with("content=")) continue;
        return argument.size() == std::string_view("content=").size() ? TextSource::none
                                                                      : TextSource::external;
    }
    return TextSource::own;
}

Result<std::optional<std::size_t>> repeated_table(Connection& connection, Layout const& layout,
                                                  VirtualTable const& table, std::size_t content) {
    for (std::size_t at = 0; at < layout.schema.tables.size(); ++at) {
        auto const& candidate = layout.schema.tables[at];
        if (candidate.shadow || layout.tables[at].key != KeyKind::rowid ||
            !is_fed_by(layout, table, candidate.name)) {
            continue;
        }
        PD_TRY(
            Statement missing,
            connection.prepare("SELECT count(*), sum(NOT EXISTS(SELECT 1 FROM main." +
                               identifier(candidate.name) + " s WHERE s." +
                               identifier(layout.tables[at].rowid_name) + " = c.r)) FROM (SELECT " +
                               identifier(layout.tables[content].rowid_name) + " AS r FROM main." +
                               identifier(layout.schema.tables[content].name) + " LIMIT " +
                               std::to_string(rows_sampled) + ") c"));
        PD_TRY(bool const found, missing.step());
        if (found && missing.integer(1) * 10 <= missing.integer(0)) return at;
    }
    return std::nullopt;
}

}  // namespace perdure::origin
