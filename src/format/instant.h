#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace perdure::format {

/// RFC 3339 in UTC, with as many digits of a second as the instant has: "2024-03-01T08:30:00.5Z".
/// Empty outside the years 1 to 9999, where RFC 3339 has no words.
std::string exact_rfc3339(Timestamp time);

/// A moment as an application wrote it, "2024-03-01 09:30:00.250+01:00", in its parts.
struct WrittenInstant {
    std::int64_t day = 0;      ///< since 1970-01-01, in the zone that it was written in
    std::uint32_t second = 0;  ///< of that day
    std::string fraction;      ///< digits of the second after the point
    char between = 0;          ///< 'T', ' ', or 0: a date alone
    bool with_seconds = true;
    std::string zone;  ///< "Z", "+01:00", "+0100" or nothing, as written
};
/// Nothing unless every character fits and the date exists (2024-02-30 does not).
std::optional<WrittenInstant> read_instant(std::string_view text);

}  // namespace perdure::format
