#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace perdure {

/// An instant in UTC: seconds since 1970 and nanoseconds 0 … 999,999,999, as the format stores it.
struct Timestamp {
    std::int64_t seconds = 0;
    std::uint32_t nanoseconds = 0;
    auto operator<=>(Timestamp const&) const = default;
};

Timestamp to_timestamp(std::chrono::system_clock::time_point time);
/// The difference a - b, saturated.
std::chrono::nanoseconds operator-(Timestamp a, Timestamp b);
Timestamp operator+(Timestamp time, std::chrono::seconds delta);

/// RFC 3339 in UTC with whole seconds, "2026-11-21T02:16:42Z".
std::string to_rfc3339(Timestamp time);
/// For file names and ids: "20261121T021642Z".
std::string to_compact(Timestamp time);
/// Reads RFC 3339 with any offset, or a date alone (its midnight UTC).
/// Fails: invalid.
Result<Timestamp> parse_time(std::string_view text);

}  // namespace perdure
