#include "format/record/record_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "format/record/json_text.h"
#include "format/record/json_tree.h"
#include "format/record/value_view.h"

namespace perdure::format {

namespace {

/// SQLite itself stops at 32,767 columns.
constexpr std::size_t members_max = 33'000, tags_max = 1'000'000;

Error bad(std::string what) {
    return fail(Fault::invalid, std::move(what));
}

Result<double> double_of(std::string_view text) {
    if (text == "NaN") return std::bit_cast<double>(std::uint64_t{0x7ff8000000000000});
    if (text == "Infinity") return HUGE_VAL;
    if (text == "-Infinity") return -HUGE_VAL;
    std::uint64_t bits = 0;
    if (text.starts_with("NaN:")) {
        auto const parsed = std::from_chars(text.data() + 4, text.data() + text.size(), bits, 16);
        auto const value = std::bit_cast<double>(bits);
        if (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() &&
            std::isnan(value)) {
            return value;
        }
    }
    return bad(fmt::format("\"{}\" is no $double", text.substr(0, 40)));
}

/// A plain number: whole ones are integers, others doubles, as they were written.
Result<data::Value> number_of(std::string_view text) {
    auto const* const end = text.data() + text.size();
    if (text.find_first_of(".eE") == text.npos) {
        std::int64_t whole = 0;
        auto const parsed = std::from_chars(text.data(), end, whole);
        if (parsed.ec != std::errc() || parsed.ptr != end) {
            return bad(fmt::format("the number {} is larger than 64 bits", text.substr(0, 40)));
        }
        return data::Value(whole);
    }
    double real = 0;
    auto const parsed = std::from_chars(text.data(), end, real);
    // A number too small for a double reads as 0 everywhere; one too large would become infinite.
    if (parsed.ec == std::errc::result_out_of_range) {
        real = std::strtod(std::string(text).c_str(), nullptr);
    }
    if (std::isinf(real)) {
        return bad(fmt::format("the number {} is larger than a double", text.substr(0, 40)));
    }
    return data::Value(real);
}

Result<std::string> text_of(JsonReader& in, JsonEvent first) {
    if (first == JsonEvent::null) return std::string();
    if (first == JsonEvent::string) return std::string(in.text());
    if (first != JsonEvent::begin_object) return bad("a text is missing");
    // {"$text":"…"}: bytes that are no UTF-8.
    PD_TRY(auto const json, read_value(in, first));
    auto const bytes = from_base64(json.text("$text"));
    if (!json.find("$text") || json.members()->size() != 1 || !bytes) {
        return bad("a text is missing");
    }
    return to_string(ByteView(*bytes));
}

/// Names are written as json_key and json_column do.
std::string column_name(std::string name) {
    if (name.starts_with("$text:")) {
        if (auto const bytes = from_base64(std::string_view(name).substr(6))) {
            name = to_string(ByteView(*bytes));
            return name.starts_with('_') ? name.substr(1) : name;
        }
    }
    if (name.starts_with("$$") || name.starts_with("__")) return name.substr(1);
    return name;
}

}  // namespace

Result<data::Record const*> RecordParser::parse(std::string_view json) {
    JsonReader in(json);
    PD_TRY(auto const first, in.next());
    if (first != JsonEvent::begin_object) return bad("a record is no object");
    texts_ = {};
    values_.clear();
    seen_.clear();
    media_hashes_.clear();
    vector_place_.clear();
    extra_.clear();
    vector_value_.reset();
    vector_.clear();
    has_embedding_ = false;
    record_ = {};
    type_ = nullptr;
    type_name_.clear();
    while (true) {
        PD_TRY(auto const event, in.next());
        if (event == JsonEvent::end_object) break;
        PD_CHECK(member(in, std::string(in.text())));
    }
    PD_CHECK(in.next());
    PD_CHECK(settle());
    return &record_;
}

std::string* RecordParser::text_role(std::string_view name) {
    std::pair<std::string_view, std::string*> const roles[] = {
        {"_id", &texts_.id},
        {"_title", &texts_.title},
        {"_body", &texts_.body},
        {"_project", &texts_.project},
        {"_category", &texts_.category},
        {"_collection", &texts_.collection},
        {"_created", &texts_.created},
        {"_updated", &texts_.updated},
        {"_subject", &texts_.subject},
        {"_subject_label", &texts_.subject_label}};
    auto const* const found =
        std::ranges::find(roles, name, &std::pair<std::string_view, std::string*>::first);
    return found == std::end(roles) ? nullptr : found->second;
}

Result<void> RecordParser::member(JsonReader& in, std::string const& name) {
    if (seen_.size() == members_max) {
        return fail(Fault::exhausted, fmt::format("a record of more than {} members", members_max));
    }
    if (!seen_.insert(name).second) {
        return bad(fmt::format("\"{}\" stands twice in one record", name));
    }
    PD_TRY(auto const first, in.next());
    if (name == "_type") {
        PD_TRY(type_name_, text_of(in, first));
        auto const found = std::ranges::find(types_, type_name_, &data::RecordType::type);
        if (found == types_.end())
            return bad(fmt::format("a record of an unknown type \"{}\"", type_name_));
        type_ = &*found;
        return {};
    }
    if (name.starts_with('_') && !name.starts_with("__")) return role(in, first, name);
    bool const tag_alone =
        name.starts_with('$') && !name.starts_with("$$") && !name.starts_with("$text:");
    if (tag_alone) return unknown(in, first, name);
    return column(in, first, name);
}

Result<void> RecordParser::role(JsonReader& in, JsonEvent first, std::string const& name) {
    if (auto* const text = text_role(name)) {
        PD_TRY(*text, text_of(in, first));
        return {};
    }
    if (name == "_tags") return tags(in, first);
    if (name == "_media") return media(in, first);
    if (name == "_embedding") return embedding(in, first);
    if (name == "_sha256" || name == "_media_data") return in.skip(first);
    if (name == "_extra" && first == JsonEvent::begin_object) {
        std::string all;
        PD_CHECK(in.copy(first, all));
        auto const inner = std::string_view(all).substr(1, all.size() - 2);
        if (!inner.empty()) extra_ += (extra_.empty() ? "" : ",") + std::string(inner);
        return {};
    }
    return unknown(in, first, name);
}

Result<void> RecordParser::unknown(JsonReader& in, JsonEvent first, std::string const& name) {
    if (!extra_.empty()) extra_ += ',';
    json_string(extra_, name);
    extra_ += ':';
    return in.copy(first, extra_);
}

Result<data::Value> RecordParser::tagged(JsonReader& in) {
    PD_TRY(auto const key, in.next());
    if (key == JsonEvent::end_object) return data::Value(data::Text{"{}"});
    std::string const tag(in.text());
    PD_TRY(auto const first, in.next());
    bool const known = tag == "$int64" || tag == "$double" || tag == "$bytes" || tag == "$text" ||
                       tag == "$embedding";
    if (!known || first != JsonEvent::string) {
        // An object of somebody else's: kept as its JSON text.
        std::string text = "{";
        json_string(text, tag);
        text += ':';
        PD_CHECK(in.copy(first, text));
        while (true) {
            PD_TRY(auto const event, in.next());
            if (event == JsonEvent::end_object) return data::Value(data::Text{text + "}"});
            text += ',';
            json_string(text, in.text());
            text += ':';
            PD_TRY(auto const more, in.next());
            PD_CHECK(in.copy(more, text));
        }
    }
    std::string const text(in.text());
    PD_TRY(auto const end, in.next());
    if (end != JsonEvent::end_object) return bad(fmt::format("a second member beside {}", tag));
    if (tag == "$double") {
        PD_TRY(auto const real, double_of(text));
        return data::Value(real);
    }
    if (tag == "$int64") return number_of(text);
    if (tag == "$embedding") {
        vector_place_ = text;
        vector_value_ = values_.size();
        return data::Value(data::Null{});
    }
    auto bytes = from_base64(text);
    if (!bytes) return bad(fmt::format("{} holds no base64", tag));
    if (tag == "$bytes") return data::Value(std::move(*bytes));
    return data::Value(data::Text{to_string(ByteView(*bytes))});
}

Result<data::Value> RecordParser::value(JsonReader& in, JsonEvent first) {
    switch (first) {
        case JsonEvent::null:
            return data::Value(data::Null{});
        case JsonEvent::string:
            return data::Value(data::Text{std::string(in.text())});
        case JsonEvent::number:
            return number_of(in.text());
        case JsonEvent::yes:
        case JsonEvent::no:
            return data::Value(std::int64_t{first == JsonEvent::yes});
        case JsonEvent::begin_object:
            return tagged(in);
        default: {
            std::string text;
            PD_CHECK(in.copy(first, text));
            return data::Value(data::Text{std::move(text)});
        }
    }
}

Result<void> RecordParser::column(JsonReader& in, JsonEvent first, std::string const& written) {
    auto name = column_name(written);
    bool const known = !type_ || type_->columns.empty() ||
                       std::ranges::find(type_->columns, name) != type_->columns.end();
    if (!known) return unknown(in, first, written);
    auto result = value(in, first);
    if (!result) return Error(std::move(result).error()).within(name);
    values_.emplace_back(std::move(name), std::move(*result));
    return {};
}

Result<void> RecordParser::tags(JsonReader& in, JsonEvent first) {
    if (first != JsonEvent::begin_array) return bad("_tags is no list");
    while (true) {
        PD_TRY(auto const event, in.next());
        if (event == JsonEvent::end_array) return {};
        if (record_.tags.size() == tags_max) {
            return fail(Fault::exhausted, "a record of more than a million tags");
        }
        PD_TRY(auto tag, text_of(in, event));
        record_.tags.push_back(std::move(tag));
    }
}

Result<void> RecordParser::media(JsonReader& in, JsonEvent first) {
    PD_TRY(auto const json, read_value(in, first));
    if (!json.array()) return bad("_media is no list");
    for (auto const& entry : *json.array()) {
        data::MediaRef ref;
        auto const* const path = entry.find("path");
        if (!path) return bad("a medium without a path");
        if (auto const* text = path->string()) {
            ref.path = *text;
        } else {
            auto const bytes = from_base64(path->text("$text"));
            if (!bytes || bytes->empty()) return bad("a medium's path is no text");
            ref.path = to_string(ByteView(*bytes));
        }
        ref.present = entry.find("missing") == nullptr;
        ref.size = entry.count("size").value_or(0);
        record_.media.push_back(std::move(ref));
        media_hashes_.push_back(entry.text("sha256"));
    }
    return {};
}

Result<void> RecordParser::embedding(JsonReader& in, JsonEvent first) {
    PD_TRY(auto const json, read_value(in, first));
    if (!json.members()) return bad("_embedding is no object");
    has_embedding_ = true;
    texts_.model = json.text("model");
    texts_.dtype = json.text("dtype");
    auto const* const vector = json.find("vector");
    if (!vector) return {};
    if (auto const place = vector->text("$embedding"); !place.empty()) {
        vector_place_ = place;
        return {};
    }
    auto const bytes = from_base64(vector->text("$bytes"));
    if (!bytes) return bad("a vector is no $bytes");
    vector_ = *bytes;
    return {};
}

std::string RecordParser::role_text(std::string const& role) const {
    auto const found = type_->roles.find(role);
    if (found == type_->roles.end()) return {};
    auto const value =
        std::ranges::find(values_, found->second, &std::pair<std::string, data::Value>::first);
    if (value == values_.end()) return {};
    if (auto const* text = std::get_if<data::Text>(&value->second)) return text->bytes;
    if (auto const* whole = std::get_if<std::int64_t>(&value->second)) {
        return std::to_string(*whole);
    }
    if (auto const* real = std::get_if<double>(&value->second)) return fmt::format("{}", *real);
    return {};
}

void RecordParser::fill_roles() {
    // A role that a column tells was not written again.
    if (texts_.title.empty()) texts_.title = role_text("title");
    if (texts_.body.empty()) texts_.body = role_text("body");
    record_.title = texts_.title;
    record_.body = texts_.body;
    if (auto const format = type_->roles.find("body_format"); format != type_->roles.end()) {
        record_.body_format = format->second;
    }
    record_.project = texts_.project;
    record_.category = texts_.category;
    record_.collection = texts_.collection;
    record_.subject = texts_.subject;
    record_.subject_label = texts_.subject_label;
    if (auto const time = parse_time(texts_.created)) record_.created = *time;
    if (auto const time = parse_time(texts_.updated)) record_.updated = *time;
}

Result<void> RecordParser::settle() {
    if (!type_) return bad("a record without _type");
    if (!vector_place_.empty()) {
        if (!vectors_) return bad("a record whose vector lies in a file that is missing");
        PD_TRY(vector_, vectors_(vector_place_, texts_.id));
        if (vector_value_) values_[*vector_value_].second = vector_;
        has_embedding_ = true;
    }
    record_.type = type_->type;
    record_.table = type_->table;
    record_.id = texts_.id;
    for (auto const& [name, value] : values_) {
        record_.fields.push_back({name, view_of(value)});
    }
    fill_roles();
    if (has_embedding_ && vector_.empty()) {
        // It lies in a column as plain bytes.
        auto const role = type_->roles.find("embedding");
        for (auto const& [name, value] : values_) {
            auto const* const bytes = std::get_if<Bytes>(&value);
            if (bytes && role != type_->roles.end() && role->second == name) vector_ = *bytes;
        }
    }
    if (has_embedding_) record_.embedding = {texts_.model, texts_.dtype, vector_};
    if (!extra_.empty()) {
        extra_ = "{" + extra_ + "}";
        record_.extra = extra_;
    }
    return {};
}

}  // namespace perdure::format
