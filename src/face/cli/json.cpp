#include "face/cli/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/bytes.h"
#include "base/utf8.h"

namespace perdure::face {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";

}  // namespace

std::string json_text(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out = "\"";
    out.reserve(text.size() + 2);
    while (!text.empty()) {
        auto const length = utf8_length(text);
        unsigned char const c = static_cast<unsigned char>(text[0]);
        if (length == 0) {
            out += replacement;
        } else if (c == '"' || c == '\\') {
            out += '\\';
            out += text[0];
        } else if (c < 0x20 || c == 0x7f) {
            out += "\\u00";
            out += digits[c >> 4];
            out += digits[c & 15];
        } else {
            out += text.substr(0, length);
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return out + "\"";
}

std::string json_number(double value) {
    if (!std::isfinite(value)) return "null";
    std::array<char, 64> buffer;
    auto const [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                            std::chars_format::fixed, 3);
    if (error != std::errc()) return "null";
    return std::string(buffer.data(), end);
}

JsonObject& JsonObject::raw(std::string_view key, std::string_view json) {
    auto const known = std::ranges::find(fields_, key, &std::pair<std::string, std::string>::first);
    if (known != fields_.end()) {
        known->second = json;
    } else {
        fields_.emplace_back(key, json);
    }
    return *this;
}

JsonObject& JsonObject::put(std::string_view key, JsonArray const& array) {
    return raw(key, array.text());
}

JsonObject& JsonObject::put_path(std::string_view key, std::string_view path) {
    put(key, path);
    if (!is_utf8(path)) put(std::string(key) + "_b64", to_base64(as_bytes(path)));
    return *this;
}

JsonObject& JsonObject::merge(JsonObject const& other) {
    for (auto const& [key, json] : other.fields_) raw(key, json);
    return *this;
}

std::string JsonObject::text() const {
    std::string out = "{";
    for (auto const& [key, json] : fields_) {
        if (out.size() > 1) out += ',';
        out += json_text(key);
        out += ':';
        out += json;
    }
    return out + "}";
}

}  // namespace perdure::face
