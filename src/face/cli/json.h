#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace perdure::face {

/// A JSON string literal (RFC 8259) in UTF-8; bytes that are no UTF-8 become U+FFFD.
std::string json_text(std::string_view text);
std::string json_number(double value);

class JsonArray;

/// Builds one JSON object, fields in the order of their first put(); a later value of the same key
/// takes the place of the earlier one, since readers disagree about an object that has a key twice.
class JsonObject {
public:
    JsonObject& put(std::string_view key, std::string_view text) {
        return raw(key, json_text(text));
    }
    JsonObject& put(std::string_view key, char const* text) {
        return put(key, std::string_view(text));
    }
    JsonObject& put(std::string_view key, std::string const& text) {
        return put(key, std::string_view(text));
    }
    JsonObject& put(std::string_view key, std::same_as<bool> auto value) {
        return raw(key, value ? "true" : "false");
    }
    JsonObject& put(std::string_view key, std::floating_point auto value) {
        return raw(key, json_number(value));
    }
    template <std::integral T>
        requires(!std::same_as<T, bool>)
    JsonObject& put(std::string_view key, T value) {
        return raw(key, std::to_string(value));
    }
    JsonObject& put(std::string_view key, JsonObject const& object) {
        return raw(key, object.text());
    }
    JsonObject& put(std::string_view key, JsonArray const& array);
    JsonObject& put_null(std::string_view key) { return raw(key, "null"); }
    /// A path: `key`, and `key`_b64 with the exact bytes when they are no UTF-8.
    JsonObject& put_path(std::string_view key, std::string_view path);
    /// `json` must be a JSON value already.
    JsonObject& raw(std::string_view key, std::string_view json);
    /// All fields of another object.
    JsonObject& merge(JsonObject const& other);

    bool empty() const { return fields_.empty(); }
    std::string text() const;

private:
    std::vector<std::pair<std::string, std::string>> fields_;  ///< key, JSON value
};

class JsonArray {
public:
    JsonArray& add(JsonObject const& object) { return raw(object.text()); }
    JsonArray& add(std::string_view text) { return raw(json_text(text)); }
    JsonArray& raw(std::string_view json) {
        if (!items_.empty()) items_ += ',';
        items_ += json;
        return *this;
    }
    bool empty() const { return items_.empty(); }
    std::string text() const { return "[" + items_ + "]"; }

private:
    std::string items_;
};

}  // namespace perdure::face
