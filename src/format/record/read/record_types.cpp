#include "format/record/read/record_types.h"

#include "base/bytes.h"

namespace perdure::format {

namespace {

Error bad() {
    return fail(Fault::invalid, "what is told of a record type makes no sense");
}

Result<std::vector<std::string>> texts(Json const& json, std::string_view name) {
    std::vector<std::string> out;
    auto const* const list = json.find(name);
    if (!list) return out;
    if (!list->array()) return bad();
    for (auto const& item : *list->array()) {
        auto text = any_text(item);
        if (!text) return bad();
        out.push_back(std::move(*text));
    }
    return out;
}

}  // namespace

std::optional<std::string> any_text(Json const& json) {
    if (auto const* const text = json.string()) return *text;
    auto const* const tagged = json.find("$text");
    if (!tagged || !tagged->string() || json.members()->size() != 1) return std::nullopt;
    auto const bytes = from_base64(*tagged->string());
    if (!bytes) return std::nullopt;
    return to_string(ByteView(*bytes));
}

Result<data::RecordType> record_type_of(Json const& json) {
    data::RecordType type;
    auto const* const name = json.find("type");
    auto named = name ? any_text(*name) : std::nullopt;
    if (!named) return bad();
    type.type = std::move(*named);
    if (auto const* const table = json.find("table")) {
        type.table = any_text(*table).value_or("");
    }
    PD_TRY(type.columns, texts(json, "columns"));
    PD_TRY(type.declared_types, texts(json, "declared_types"));
    PD_TRY(type.key_columns, texts(json, "key"));
    if (auto const* const roles = json.find("roles"); roles && roles->members()) {
        for (auto const& [role, expression] : *roles->members()) {
            if (auto text = any_text(expression)) type.roles[role] = std::move(*text);
        }
    }
    return type;
}

}  // namespace perdure::format
