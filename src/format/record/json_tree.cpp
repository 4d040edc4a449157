#include "format/record/json_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <unordered_set>

#include "format/record/json_text.h"

namespace perdure::format {

namespace {

/// A document of a hostile writer may be small in bytes and large in memory: `[[],[],…`.
class TreeBuilder {
public:
    explicit TreeBuilder(JsonReader& reader) : reader_(reader) {}

    Result<Json> value(JsonEvent first) {
        if (++values_ > json_values_max) {
            return fail(Fault::exhausted,
                        fmt::format("JSON of more than {} values", json_values_max));
        }
        switch (first) {
            case JsonEvent::begin_object:
                return members();
            case JsonEvent::begin_array:
                return array();
            case JsonEvent::string:
                PD_CHECK(spend());
                return Json{std::string(reader_.text())};
            case JsonEvent::number:
                return Json{Json::Number{std::string(reader_.text())}};
            case JsonEvent::yes:
                return Json{true};
            case JsonEvent::no:
                return Json{false};
            default:
                return Json{};
        }
    }

private:
    Result<void> spend() {
        bytes_ += reader_.text().size();
        if (bytes_ <= json_bytes_max) return {};
        return fail(Fault::exhausted, "JSON of more than 512 MiB");
    }

    Result<Json> members() {
        Json::Members members;
        std::unordered_set<std::string> names;
        while (true) {
            PD_TRY(auto const event, reader_.next());
            if (event == JsonEvent::end_object) return Json{std::move(members)};
            PD_CHECK(spend());
            std::string name(reader_.text());
            if (!names.insert(name).second) {
                return fail(Fault::invalid,
                            fmt::format("the name \"{}\" stands twice in one object at byte {}",
                                        name, reader_.offset_bytes()));
            }
            PD_TRY(auto const first, reader_.next());
            PD_TRY(auto member, value(first));
            members.push_back({std::move(name), std::move(member)});
        }
    }

    Result<Json> array() {
        Json::Array array;
        while (true) {
            PD_TRY(auto const event, reader_.next());
            if (event == JsonEvent::end_array) return Json{std::move(array)};
            PD_TRY(auto element, value(event));
            array.push_back(std::move(element));
        }
    }

    JsonReader& reader_;
    std::uint64_t values_ = 0, bytes_ = 0;
};

}  // namespace

Result<Json> read_value(JsonReader& reader, JsonEvent first) {
    return TreeBuilder(reader).value(first);
}

Result<Json> read_json(std::string_view text, JsonLimits limits) {
    JsonReader reader(text, limits);
    PD_TRY(auto const first, reader.next());
    PD_TRY(auto json, read_value(reader, first));
    PD_CHECK(reader.next());
    return json;
}

void write_json(std::string& out, Json const& json) {
    if (auto const* yes = std::get_if<bool>(&json.value)) {
        out += *yes ? "true" : "false";
    } else if (auto const* number = std::get_if<Json::Number>(&json.value)) {
        out += number->text;
    } else if (auto const* text = json.string()) {
        json_string(out, *text);
    } else if (auto const* array = json.array()) {
        out += '[';
        for (auto const& element : *array) {
            if (&element != &array->front()) out += ',';
            write_json(out, element);
        }
        out += ']';
    } else if (auto const* members = json.members()) {
        out += '{';
        for (auto const& [name, member] : *members) {
            if (&name != &members->front().name) out += ',';
            json_string(out, name);
            out += ':';
            write_json(out, member);
        }
        out += '}';
    } else {
        out += "null";
    }
}

Json::Array const* Json::array() const {
    return std::get_if<Array>(&value);
}
Json::Members const* Json::members() const {
    return std::get_if<Members>(&value);
}
std::string const* Json::string() const {
    return std::get_if<std::string>(&value);
}

Json const* Json::find(std::string_view name) const {
    auto const* object = members();
    if (!object) return nullptr;
    auto const found = std::ranges::find(*object, name, &Member::name);
    return found == object->end() ? nullptr : &found->value;
}

std::optional<std::uint64_t> Json::whole() const {
    auto const* number = std::get_if<Number>(&value);
    if (!number) return std::nullopt;
    std::uint64_t result = 0;
    auto const* const end = number->text.data() + number->text.size();
    auto const parsed = std::from_chars(number->text.data(), end, result);
    if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
    return result;
}

std::string Json::text(std::string_view name) const {
    auto const* member = find(name);
    auto const* text = member ? member->string() : nullptr;
    return text ? *text : std::string();
}

std::optional<std::uint64_t> Json::count(std::string_view name) const {
    auto const* member = find(name);
    return member ? member->whole() : std::nullopt;
}

std::vector<std::string> Json::texts(std::string_view name) const {
    std::vector<std::string> result;
    auto const* member = find(name);
    if (!member || !member->array()) return result;
    for (auto const& element : *member->array()) {
        if (auto const* text = element.string()) {
            result.push_back(*text);
        } else if (auto const bytes = from_base64(element.text("$text")); element.find("$text")) {
            result.push_back(bytes ? to_string(ByteView(*bytes)) : std::string());
        }
    }
    return result;
}

}  // namespace perdure::format
