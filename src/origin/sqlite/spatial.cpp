#include "origin/sqlite/spatial.h"

namespace perdure::origin {

bool is_spatial(VirtualTable const& table) {
    return table.module == "rtree" || table.module == "rtree_i32";
}

std::string spatial_setting(std::string const& table) {
    return "spatial " + table;
}

Result<std::optional<std::size_t>> add_spatial_table(Connection& connection, Layout& layout,
                                                     VirtualTable const& table) {
    auto const none = std::optional<std::size_t>();
    data::TableSchema schema{.name = table.name};
    auto read = read_table(connection, schema);
    // Damaged nodes keep the module from opening; the shadow tables are still tables.
    if (!read || schema.columns.empty()) return none;
    auto node_bytes = connection.integer("SELECT length(data) FROM main." +
                                         identifier(table.name + "_node") + " WHERE nodeno = 1");
    if (!node_bytes) return none;
    read->key = KeyKind::rowid;
    read->rowid_name = "rowid";
    read->rowid_is_column = false;
    layout.schema.settings[spatial_setting(table.name)] = std::to_string(*node_bytes);
    layout.schema.tables.push_back(std::move(schema));
    layout.tables.push_back(std::move(*read));
    return std::optional(layout.schema.tables.size() - 1);
}

std::string spatial_rows(std::string const& table) {
    return "main." + identifier(table + "_rowid") + " r CROSS JOIN main." + identifier(table) +
           " t ON t.rowid = r.rowid";
}

Result<std::string> check_spatial(Connection& connection, std::string const& table) {
    PD_TRY(std::string const said,
           connection.text("SELECT rtreecheck('main', " + literal(table) + ")"));
    return said == "ok" ? std::string() : said;
}

}  // namespace perdure::origin
