#include "origin/merge/rows/references.h"

#include <fmt/format.h>

#include <map>

namespace perdure::origin {

namespace {

Result<std::vector<std::string>> primary_of(Connection& connection, std::string const& schema,
                                            std::string const& table) {
    std::map<std::int64_t, std::string> parts;
    PD_TRY(Statement rows,
           connection.prepare(fmt::format("PRAGMA {}.table_info({})", schema, identifier(table))));
    while (true) {
        PD_TRY(bool const more, rows.step());
        if (!more) break;
        if (rows.integer(5) > 0) parts[rows.integer(5)] = rows.text(1);
    }
    std::vector<std::string> out;
    for (auto& [at, name] : parts) out.push_back(std::move(name));
    return out;
}

}  // namespace

Result<std::vector<TableReference>> references_of(Connection& connection, std::string const& schema,
                                                  std::string const& table) {
    std::map<std::int64_t, TableReference> found;
    PD_TRY(Statement rows, connection.prepare(fmt::format("PRAGMA {}.foreign_key_list({})", schema,
                                                          identifier(table))));
    while (true) {
        PD_TRY(bool const more, rows.step());
        if (!more) break;
        auto& reference = found[rows.integer(0)];
        reference.parent = rows.text(2);
        reference.from.push_back(rows.text(3));
        if (!rows.is_null(4)) reference.to.push_back(rows.text(4));
    }
    std::vector<TableReference> out;
    for (auto& [id, reference] : found) {
        if (reference.to.empty()) {
            PD_TRY(reference.to, primary_of(connection, schema, reference.parent));
        }
        out.push_back(std::move(reference));
    }
    return out;
}

}  // namespace perdure::origin
