#include "origin/records/foreign_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/ascii.h"
#include "origin/sqlite/handle.h"

namespace perdure::origin {

namespace {

std::vector<std::string> primary_key_of(data::DatabaseSchema const& schema,
                                        std::string const& table) {
    auto const at = std::ranges::find_if(
        schema.tables, [&](data::TableSchema const& each) { return ascii_same(each.name, table); });
    return at == schema.tables.end() ? std::vector<std::string>() : at->primary_key;
}

Result<void> add_keys(Connection& connection, data::DatabaseSchema const& schema,
                      std::string const& table, std::vector<ForeignKey>& out) {
    PD_TRY(auto rows, connection.prepare(fmt::format(
                          "SELECT id, \"table\", \"from\", \"to\" FROM pragma_foreign_key_list({}) "
                          "ORDER BY id, seq",
                          literal(table))));
    std::optional<std::int64_t> last;
    while (true) {
        PD_TRY(bool const row, rows.step());
        if (!row) return {};
        if (last != rows.integer(0)) out.push_back({table, {}, rows.text(1), {}});
        last = rows.integer(0);
        ForeignKey& key = out.back();
        key.columns.push_back(rows.text(2));
        if (!rows.is_null(3)) {
            key.parent_columns.push_back(rows.text(3));
        } else if (key.parent_columns.empty()) {
            key.parent_columns = primary_key_of(schema, key.parent);
        }
    }
}

}  // namespace

Result<std::vector<ForeignKey>> foreign_keys(data::DatabaseSchema const& schema) {
    std::vector<ForeignKey> out;
    if (schema.engine != "sqlite") return out;
    PD_TRY(auto connection,
           Connection::open(":memory:", {.flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE}));
    for (auto const& object : schema.objects) {
        bool const plain = object.type == "table" && !object.name.starts_with("sqlite_") &&
                           object.sql.size() > 12 &&
                           ascii_same(std::string_view(object.sql).substr(0, 12), "CREATE TABLE");
        if (!plain || !connection.run(object.sql)) continue;
        PD_CHECK(add_keys(connection, schema, object.name, out));
    }
    std::erase_if(out, [](ForeignKey const& key) {
        return key.columns.empty() || key.columns.size() != key.parent_columns.size();
    });
    return out;
}

}  // namespace perdure::origin
