#include "format/record/json_text.h"

#include <charconv>
#include <cmath>
#include <cstring>

#include "base/utf8.h"

namespace perdure::format {

namespace {

constexpr std::int64_t exact_integer_max = std::int64_t{1} << 53;

/// Whether the byte must be escaped in a JSON string.
constexpr auto escape_table = [] {
    std::array<bool, 256> table{};
    for (std::size_t c = 0; c < 0x20; ++c) table[c] = true;
    table['"'] = table['\\'] = table[0x7f] = true;
    return table;
}();

void escape(std::string& out, unsigned char c) {
    static constexpr char digits[] = "0123456789abcdef";
    switch (c) {
        case '"':
            out += "\\\"";
            return;
        case '\\':
            out += "\\\\";
            return;
        case '\n':
            out += "\\n";
            return;
        case '\r':
            out += "\\r";
            return;
        case '\t':
            out += "\\t";
            return;
        case '\b':
            out += "\\b";
            return;
        case '\f':
            out += "\\f";
            return;
        default:
            out += "\\u00";
            out += digits[c >> 4];
            out += digits[c & 15];
    }
}

void tagged(std::string& out, std::string_view tag, std::string_view text) {
    out += "{\"$";
    out += tag;
    out += "\":\"";
    out += text;
    out += "\"}";
}

void integer(std::string& out, std::int64_t value) {
    char digits[24];
    auto const end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    std::string_view const text(digits, static_cast<std::size_t>(end - digits));
    if (value > exact_integer_max || value < -exact_integer_max) return tagged(out, "int64", text);
    out += text;
}

void real(std::string& out, double value) {
    if (std::isfinite(value)) {
        // A double that looks like an integer keeps its ".0", so that it reads back as a double.
        auto const start = out.size();
        json_double(out, value);
        if (out.find_first_of(".e", start) == std::string::npos) out += ".0";
        return;
    }
    if (std::isinf(value)) return tagged(out, "double", value > 0 ? "Infinity" : "-Infinity");
    std::uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    if (bits == 0x7ff8000000000000ULL) return tagged(out, "double", "NaN");
    char hex[20];
    auto const end = std::to_chars(hex, hex + sizeof hex, bits, 16).ptr;
    tagged(out, "double", "NaN:" + std::string(hex, static_cast<std::size_t>(end - hex)));
}

}  // namespace

void json_string(std::string& out, std::string_view text) {
    out += '"';
    std::size_t start = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto const c = static_cast<unsigned char>(text[i]);
        if (!escape_table[c]) continue;
        out.append(text, start, i - start);
        escape(out, c);
        start = i + 1;
    }
    out.append(text, start);
    out += '"';
}

void json_key(std::string& out, std::string_view name) {
    json_string(out, name.starts_with('$') ? "$" + std::string(name) : std::string(name));
    out += ':';
}

void json_double(std::string& out, double value) {
    char digits[40];
    auto const end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    out.append(digits, static_cast<std::size_t>(end - digits));
}

void json_value(std::string& out, data::ValueView const& value) {
    if (auto const* number = std::get_if<std::int64_t>(&value)) return integer(out, *number);
    if (auto const* number = std::get_if<double>(&value)) return real(out, *number);
    if (auto const* text = std::get_if<std::string_view>(&value)) {
        if (is_utf8(*text)) return json_string(out, *text);
        return tagged(out, "text", to_base64(as_bytes(*text)));
    }
    if (auto const* bytes = std::get_if<ByteView>(&value)) {
        return tagged(out, "bytes", to_base64(*bytes));
    }
    out += "null";
}

namespace {

void role(std::string& out, std::string_view name, std::string_view value) {
    if (value.empty()) return;
    out += ",\"";
    out += name;
    out += "\":";
    json_value(out, value);
}

void media_list(std::string& out, std::vector<data::MediaRef> const& media) {
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
        out += '}';
    }
    out += ']';
}

}  // namespace

void json_record(std::string& out, data::Record const& record) {
    out += "{\"_type\":";
    json_value(out, record.type);
    out += ",\"_id\":";
    json_value(out, std::string_view(record.id));
    for (auto const& field : record.fields) {
        out += ',';
        if (field.name.starts_with('_')) {
            json_key(out, "_" + std::string(field.name));
        } else {
            json_key(out, field.name);
        }
        json_value(out, field.value);
    }
    role(out, "_project", record.project);
    role(out, "_category", record.category);
    role(out, "_collection", record.collection);
    role(out, "_subject", record.subject);
    if (!record.tags.empty()) {
        out += ",\"_tags\":[";
        for (auto const& tag : record.tags) {
            if (&tag != &record.tags.front()) out += ',';
            json_value(out, std::string_view(tag));
        }
        out += ']';
    }
    media_list(out, record.media);
    out += '}';
}

}  // namespace perdure::format
