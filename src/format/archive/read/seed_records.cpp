#include "format/archive/read/seed_records.h"

#include <algorithm>
#include <charconv>

#include "base/codec.h"

namespace perdure::format {

namespace {

constexpr std::string_view columns[] = {
    "id",         "content",    "category",      "context_level",  "scope",     "project_name",
    "importance", "tags",       "metadata",      "provenance",     "embedding", "embedding_model",
    "created_at", "updated_at", "last_accessed", "lifecycle_state"};

Json text(std::string_view value) {
    return Json{std::string(value)};
}

Json tagged(std::string_view tag, std::string_view value) {
    return Json{Json::Members{{std::string(tag), text(value)}}};
}

void role(Json::Members& out, std::string_view name, Json const& record, std::string_view column) {
    auto const value = record.text(column);
    if (!value.empty()) out.push_back({std::string(name), text(value)});
}

/// Numbers written out in the record, where no file holds them: as doubles, which is what they are.
std::optional<std::string> inline_vector(Json const& value) {
    auto const* const numbers = value.array();
    if (!numbers || numbers->empty()) return std::nullopt;
    Encoder out;
    for (auto const& element : *numbers) {
        auto const* const number = std::get_if<Json::Number>(&element.value);
        double real = 0;
        if (!number) return std::nullopt;
        std::from_chars(number->text.data(), number->text.data() + number->text.size(), real);
        std::uint64_t bits = 0;
        std::memcpy(&bits, &real, sizeof bits);
        out.u64(bits);
    }
    return to_base64(out.view());
}

/// A column holds one value: lists and objects become their JSON text.
Json flattened(Json const& value) {
    if (!value.array() && !value.members()) return value;
    std::string out;
    write_json(out, value);
    return text(out);
}

}  // namespace

data::RecordType seed_memory_type() {
    data::RecordType type{.type = "memory", .table = "memories", .key_columns = {"id"}};
    type.columns.assign(std::begin(columns), std::end(columns));
    type.roles = {{"body", "content"},
                  {"body_format", "markdown"},
                  {"project", "project_name"},
                  {"category", "category"},
                  {"created", "created_at"},
                  {"updated", "updated_at"},
                  {"embedding", "embedding"},
                  {"embedding_model", "embedding_model"},
                  {"tags", "tags"}};
    return type;
}

Result<Json> migrate_3_to_4(Json const& record, std::string_view vector, std::string_view dtype) {
    if (!record.members()) return fail(Fault::invalid, "a memory is no object");
    auto const id = record.text("id");
    if (id.empty()) return fail(Fault::invalid, "a memory without an id");
    Json::Members out = {{"_type", text("memory")}, {"_id", text(id)}}, extra;
    std::string shown_dtype(dtype);
    bool has_vector = !vector.empty();
    for (auto const& column : columns) {
        auto const* const value = record.find(column);
        if (column == "embedding") {
            auto const numbers = value ? inline_vector(*value) : std::nullopt;
            if (!vector.empty()) {
                out.push_back({"embedding", tagged("$embedding", vector)});
            } else if (numbers) {
                out.push_back({"embedding", tagged("$bytes", *numbers)});
                has_vector = true;
                shown_dtype = "f64";
            } else {
                out.push_back({"embedding", Json{}});
            }
            continue;
        }
        out.push_back({std::string(column), value ? flattened(*value) : Json{}});
    }
    role(out, "_project", record, "project_name");
    role(out, "_category", record, "category");
    role(out, "_created", record, "created_at");
    role(out, "_updated", record, "updated_at");
    if (has_vector) {
        out.push_back(
            {"_embedding", Json{Json::Members{{"model", text(record.text("embedding_model"))},
                                              {"dtype", text(shown_dtype)}}}});
    }
    if (auto const tags = record.texts("tags"); !tags.empty()) {
        Json::Array list;
        for (auto const& tag : tags) list.push_back(text(tag));
        out.push_back({"_tags", Json{std::move(list)}});
    }
    for (auto const& [name, value] : *record.members()) {
        if (std::ranges::find(columns, name) == std::end(columns)) extra.push_back({name, value});
    }
    if (!extra.empty()) out.push_back({"_extra", Json{std::move(extra)}});
    return Json{std::move(out)};
}

}  // namespace perdure::format
