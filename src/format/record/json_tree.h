#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "format/record/json_reader.h"

namespace perdure::format {

/// A small JSON document in memory: a manifest, an entry, a configuration.
struct Json {
    struct Number {
        std::string text;  ///< as written
    };
    struct Member;
    using Array = std::vector<Json>;
    using Members = std::vector<Member>;  ///< in their order
    std::variant<std::monostate, bool, Number, std::string, Array, Members> value;

    /// Null when this is no object or has no such member.
    Json const* find(std::string_view name) const;
    /// The member as text, whole number or list of texts; empty where it is missing or another.
    std::string text(std::string_view name) const;
    std::optional<std::uint64_t> count(std::string_view name) const;
    std::vector<std::string> texts(std::string_view name) const;
    Array const* array() const;
    Members const* members() const;
    std::string const* string() const;
    std::optional<std::uint64_t> whole() const;
};
struct Json::Member {
    std::string name;
    Json value;
};

/// What one document may hold: some 300 MB of memory beside its texts.
inline constexpr std::uint64_t json_values_max = 4'000'000;
inline constexpr std::uint64_t json_bytes_max = std::uint64_t{512} << 20;

/// Fails: invalid (no JSON, or a name twice in one object), exhausted.
Result<Json> read_json(std::string_view text, JsonLimits limits = {});
/// The value whose first event was `first`.
Result<Json> read_value(JsonReader& reader, JsonEvent first);
/// Compact.
void write_json(std::string& out, Json const& json);

}  // namespace perdure::format
