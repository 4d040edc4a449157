#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "data/key_text.h"
#include "repository/diff/diff_rows.h"

namespace perdure::repository {

namespace {

std::string spell_rowid(ByteView key) {
    std::uint64_t bits = 0;
    for (std::byte const byte : key) bits = (bits << 8) | static_cast<std::uint64_t>(byte);
    return std::to_string(static_cast<std::int64_t>(bits ^ (std::uint64_t{1} << 63)));
}

void compare_columns(data::TableSchema const& before, data::TableSchema const& after,
                     std::vector<SchemaDifference>& out) {
    auto const find = [](data::TableSchema const& table, std::string const& name) {
        auto const at = std::ranges::find(table.columns, name, &data::Column::name);
        return at == table.columns.end() ? nullptr : &*at;
    };
    auto const spell = [](data::Column const& column) {
        std::string type = column.declared_type.empty() ? "(no type)" : column.declared_type;
        return column.generated ? type + " generated" : type;
    };
    for (data::Column const& column : before.columns) {
        std::string const name = before.name + "." + column.name;
        auto const* other = find(after, column.name);
        if (!other) out.push_back({"column", name, spell(column), ""});
        if (other && spell(column) != spell(*other)) {
            out.push_back({"column", name, spell(column), spell(*other)});
        }
    }
    for (data::Column const& column : after.columns) {
        if (find(before, column.name)) continue;
        out.push_back({"column", after.name + "." + column.name, "", spell(column)});
    }
}

}  // namespace

Result<std::vector<std::pair<std::string, data::Value>>> decode_fields(
    data::TableSchema const& table, ByteView payload) {
    std::vector<std::pair<std::string, data::Value>> out;
    Decoder in(payload);
    for (data::Column const& column : table.columns) {
        if (column.generated) continue;
        PD_TRY(data::Value value, data::decode_value(in));
        out.emplace_back(column.name, std::move(value));
    }
    PD_CHECK(in.expect_end());
    return out;
}

Result<std::vector<FieldDifference>> differing_fields(RowDifference const& row) {
    std::vector<std::pair<std::string, data::Value>> before, after;
    bool const has_before = row.kind != RowDifference::Kind::added;
    bool const has_after = row.kind != RowDifference::Kind::removed;
    if (has_before) {
        PD_TRY(before, decode_fields(*row.before_table, row.before));
    }
    if (has_after) {
        PD_TRY(after, decode_fields(*row.after_table, row.after));
    }
    std::vector<FieldDifference> out;
    auto const find = [](auto& fields, std::string const& name) {
        return std::ranges::find(fields, name, [](auto const& field) { return field.first; });
    };
    auto const counts = [&](data::Value const& value) {
        return !(has_before && has_after) || !std::holds_alternative<data::Null>(value);
    };
    for (auto& [name, value] : after) {
        auto const old = find(before, name);
        if (old == before.end()) {
            if (counts(value)) out.push_back({name, std::nullopt, std::move(value)});
        } else if (!data::same_value(old->second, value)) {
            out.push_back({name, std::move(old->second), std::move(value)});
        }
    }
    for (auto& [name, value] : before) {
        if (find(after, name) != after.end() || !counts(value)) continue;
        out.push_back({name, std::move(value), std::nullopt});
    }
    return out;
}

Result<std::string> row_id(data::TableSchema const& table, ByteView rowid_key, ByteView payload) {
    if (table.primary_key.empty()) return spell_rowid(rowid_key);
    PD_TRY(auto const fields, decode_fields(table, payload));
    std::string out;
    auto const part =
        table.primary_key.size() == 1 ? data::KeyPart::alone : data::KeyPart::of_several;
    for (std::string const& name : table.primary_key) {
        auto const at =
            std::ranges::find(fields, name, [](auto const& field) { return field.first; });
        if (!out.empty()) out += '/';
        out += at == fields.end() ? "?" : data::spell_key(at->second, part);
    }
    return out;
}

std::vector<SchemaDifference> differing_schema(data::DatabaseSchema const& before,
                                               data::DatabaseSchema const& after) {
    std::vector<SchemaDifference> out;
    std::map<std::pair<std::string, std::string>, std::pair<std::string, std::string>> objects;
    for (auto const& object : before.objects)
        objects[{object.type, object.name}].first = object.sql;
    for (auto const& object : after.objects)
        objects[{object.type, object.name}].second = object.sql;
    for (auto const& [key, sql] : objects) {
        bool const table_on_both_sides =
            key.first == "table" && !sql.first.empty() && !sql.second.empty();
        if (sql.first == sql.second || table_on_both_sides) continue;
        out.push_back({key.first, key.second, sql.first, sql.second});
    }
    for (data::TableSchema const& table : before.tables) {
        auto const at = std::ranges::find(after.tables, table.name, &data::TableSchema::name);
        if (at != after.tables.end()) compare_columns(table, *at, out);
    }
    std::map<std::string, std::pair<std::string, std::string>> settings;
    for (auto const& [name, value] : before.settings) settings[name].first = value;
    for (auto const& [name, value] : after.settings) settings[name].second = value;
    for (auto const& [name, values] : settings) {
        if (values.first != values.second) {
            out.push_back({"setting", name, values.first, values.second});
        }
    }
    return out;
}

}  // namespace perdure::repository
