#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/nearest_word.h"
#include "base/result.h"

namespace perdure::service {

/// "90s", "26h", "1h30m", "7d", "2w", "500ms". Fails: invalid.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);
/// The shortest spelling: "26h", "7d", "1h30m".
std::string spell_duration(std::chrono::milliseconds duration);

/// "64MiB", "10 GB", "1024". Fails: invalid.
Result<std::uint64_t> parse_size(std::string_view text);

/// "01:00-06:00" in minutes since midnight; the end may lie on the next day. Fails: invalid.
struct HourWindow {
    int from_minute = 0, to_minute = 0;
};
Result<HourWindow> parse_window(std::string_view text);

/// Whether the text is five cron fields with values in range. Fails: invalid, naming the field.
Result<void> check_cron(std::string_view text);

using ::perdure::nearest_word;

std::vector<std::string> split_words(std::string_view text, char separator);

}  // namespace perdure::service
