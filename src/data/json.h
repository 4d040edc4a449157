#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace perdure::data {

/// A small JSON document (RFC 8259) held in memory: plans, reports, their signatures. Records have
/// writers of their own, which stream. Whole numbers are kept exactly; members keep their order.
class Json {
public:
    using Array = std::vector<Json>;
    using Member = std::pair<std::string, Json>;
    using Object = std::vector<Member>;

    Json() = default;
    Json(bool value) : value_(value) {}
    Json(std::int64_t value) : value_(value) {}
    Json(std::uint64_t value) : value_(static_cast<std::int64_t>(value)) {}
    Json(int value) : value_(std::int64_t{value}) {}
    Json(double value) : value_(value) {}
    Json(std::string value) : value_(std::move(value)) {}
    Json(std::string_view value) : value_(std::string(value)) {}
    Json(char const* value) : value_(std::string(value)) {}
    Json(Array value) : value_(std::move(value)) {}
    Json(Object value) : value_(std::move(value)) {}

    bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
    std::string const* text() const { return std::get_if<std::string>(&value_); }
    std::int64_t const* integer() const { return std::get_if<std::int64_t>(&value_); }
    bool const* boolean() const { return std::get_if<bool>(&value_); }
    Array const* array() const { return std::get_if<Array>(&value_); }
    Object const* object() const { return std::get_if<Object>(&value_); }
    double const* number() const { return std::get_if<double>(&value_); }

    /// Sets a member; makes this an object when it is none. Returns *this, to be chained.
    Json& put(std::string_view key, Json value);
    /// A path or another string of any bytes: `key`, and `key`_b64 with the exact bytes when they
    /// are no UTF-8.
    Json& put_path(std::string_view key, std::string_view bytes);
    /// Appends; makes this an array when it is none.
    Json& add(Json value);
    /// Null when this is no object or has no such member.
    Json const* find(std::string_view key) const;
    /// The member's text or whole number; empty or 0 when it is absent or something else.
    std::string text_of(std::string_view key) const;
    std::int64_t integer_of(std::string_view key) const;

    /// One line without blanks, members sorted by the bytes of their names: equal documents have
    /// equal bytes, whoever wrote them. Control characters as \b \t \n \f \r or \u00xx, everything
    /// else as it is; bytes that are no UTF-8 become U+FFFD.
    std::string canonical() const;
    /// For people: members in their own order, two blanks a level.
    std::string pretty() const;
    /// Fails: invalid (where and what), also for a member twice, more than 64 levels, text that is
    /// no UTF-8 and trailing characters.
    static Result<Json> parse(std::string_view text);

    bool operator==(Json const& other) const = default;

private:
    std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> value_;
};

}  // namespace perdure::data
