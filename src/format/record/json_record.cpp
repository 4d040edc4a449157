// One record as one JSON object: the hot path of json and ndjson.
#include <algorithm>

#include "crypto/hash.h"
#include "format/instant.h"
#include "format/record/json_text.h"

namespace perdure::format {

namespace {

void role(std::string& out, std::string_view name, std::string_view value) {
    if (value.empty()) return;
    out += ",\"";
    out += name;
    out += "\":";
    json_value(out, value);
}

/// A role that a mapping may take from another table: told only when no column says it already.
void foreign_role(std::string& out, std::string_view name, std::string_view value,
                  data::Record const& record) {
    if (value.empty()) return;
    for (auto const& field : record.fields) {
        auto const* text = std::get_if<std::string_view>(&field.value);
        if (text && *text == value) return;
    }
    role(out, name, value);
}

void instant(std::string& out, std::string_view name, std::optional<Timestamp> const& time) {
    if (time) role(out, name, exact_rfc3339(*time));
}

void vector_elsewhere(std::string& out, std::string_view where) {
    out += "{\"$embedding\":\"";
    out += where;
    out += "\"}";
}

void embedding(std::string& out, data::Record const& record, JsonElsewhere const& elsewhere) {
    if (!record.embedding) return;
    auto const& vector = record.embedding->vector;
    out += ",\"_embedding\":{\"model\":";
    json_value(out, record.embedding->model);
    out += ",\"dtype\":";
    json_value(out, record.embedding->dtype);
    if (!elsewhere.embedding.empty()) {
        if (elsewhere.embedding_column.empty()) {
            out += ",\"vector\":";
            vector_elsewhere(out, elsewhere.embedding);
        }
        out += '}';
        return;
    }
    bool const in_a_column = std::ranges::any_of(record.fields, [&](data::FieldView const& field) {
        auto const* bytes = std::get_if<ByteView>(&field.value);
        return bytes && std::ranges::equal(*bytes, vector);
    });
    if (!in_a_column) {
        out += ",\"vector\":";
        json_value(out, vector);
    }
    out += '}';
}

void tag_list(std::string& out, std::vector<std::string> const& tags) {
    if (tags.empty()) return;
    out += ",\"_tags\":[";
    for (auto const& tag : tags) {
        if (&tag != &tags.front()) out += ',';
        json_value(out, std::string_view(tag));
    }
    out += ']';
}

void media_list(std::string& out, std::vector<data::MediaRef> const& media,
                std::span<std::string const> hashes) {
    if (media.empty()) return;
    out += ",\"_media\":[";
    for (auto const& file : media) {
        if (&file != &media.front()) out += ',';
        out += "{\"path\":";
        json_value(out, std::string_view(file.path));
        if (file.present) {
            out += ",\"size\":";
            json_value(out, static_cast<std::int64_t>(file.size));
        } else {
            out += ",\"missing\":true";
        }
        auto const position = static_cast<std::size_t>(&file - media.data());
        if (position < hashes.size()) role(out, "sha256", hashes[position]);
        out += '}';
    }
    out += ']';
}

}  // namespace

void json_column(std::string& out, std::string_view column) {
    if (column.starts_with('_')) {
        json_key(out, "_" + std::string(column));
    } else {
        json_key(out, column);
    }
}

void JsonRecords::spell_names(data::Record const& record) {
    bool const same = record.type == type_ && names_.size() == record.fields.size() &&
                      std::ranges::equal(names_, record.fields, {}, {}, &data::FieldView::name);
    if (same && !head_.empty()) return;
    type_ = record.type;
    head_ = "{\"_type\":";
    json_value(head_, record.type);
    head_ += ",\"_id\":";
    names_.clear();
    spelt_.clear();
    for (auto const& field : record.fields) {
        names_.emplace_back(field.name);
        spelt_.emplace_back(",");
        json_column(spelt_.back(), field.name);
    }
}

void JsonRecords::append(std::string& out, data::Record const& record,
                         JsonElsewhere const& elsewhere) {
    bool const vector_moved = !elsewhere.embedding.empty() && !elsewhere.embedding_column.empty();
    spell_names(record);
    out += head_;
    json_value(out, std::string_view(record.id));
    for (std::size_t i = 0; i < record.fields.size(); ++i) {
        out += spelt_[i];
        if (vector_moved && record.fields[i].name == elsewhere.embedding_column) {
            vector_elsewhere(out, elsewhere.embedding);
        } else {
            json_value(out, record.fields[i].value);
        }
    }
    foreign_role(out, "_title", record.title, record);
    foreign_role(out, "_body", record.body, record);
    role(out, "_project", record.project);
    role(out, "_category", record.category);
    role(out, "_collection", record.collection);
    instant(out, "_created", record.created);
    instant(out, "_updated", record.updated);
    role(out, "_subject", record.subject);
    role(out, "_subject_label", record.subject_label);
    embedding(out, record, elsewhere);
    tag_list(out, record.tags);
    media_list(out, record.media, elsewhere.media_hashes);
    if (!record.extra.empty()) {
        out += ",\"_extra\":";
        out += record.extra;
    }
    out += '}';
}

void JsonRecords::append_hashed(std::string& out, data::Record const& record) {
    auto const start = out.size();
    append(out, record);
    auto const digest = crypto::sha256(as_bytes(std::string_view(out).substr(start)));
    out.pop_back();
    out += ",\"_sha256\":\"";
    static constexpr char digits[] = "0123456789abcdef";
    for (auto const byte : digest.bytes) {
        out += digits[std::to_integer<unsigned>(byte) >> 4];
        out += digits[std::to_integer<unsigned>(byte) & 15];
    }
    out += "\"}";
}

void json_record(std::string& out, data::Record const& record) {
    JsonRecords().append(out, record);
}

}  // namespace perdure::format
