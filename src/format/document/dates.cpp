#include "format/document/dates.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>

namespace perdure::format {

CivilDate civil(Timestamp time) {
    constexpr std::int64_t first = -62'167'219'200, last = 253'402'300'799;  // years 0000 … 9999
    auto const seconds = std::clamp(time.seconds, first, last);
    auto const days = std::chrono::floor<std::chrono::days>(std::chrono::seconds(seconds));
    std::chrono::year_month_day const date{std::chrono::sys_days(days)};
    auto const rest = seconds - std::chrono::seconds(days).count();
    return {.year = static_cast<int>(date.year()),
            .month = static_cast<unsigned>(date.month()),
            .day = static_cast<unsigned>(date.day()),
            .hour = static_cast<unsigned>(rest / 3600),
            .minute = static_cast<unsigned>(rest / 60 % 60)};
}

std::string_view month_name(unsigned month) {
    static constexpr std::string_view names[] = {"January",   "February", "March",    "April",
                                                 "May",       "June",     "July",     "August",
                                                 "September", "October",  "November", "December"};
    return names[std::clamp(month, 1U, 12U) - 1];
}

std::string spoken_date(Timestamp time) {
    auto const date = civil(time);
    return fmt::format("{} {} {}", date.day, month_name(date.month), date.year);
}

std::string spoken_time(Timestamp time) {
    auto const date = civil(time);
    return fmt::format("{}, {:02}:{:02} UTC", spoken_date(time), date.hour, date.minute);
}

std::string spoken_month(std::string_view month) {
    unsigned number = 1;
    std::from_chars(month.data() + 5, month.data() + 7, number);
    return fmt::format("{} {}", month_name(number), month.substr(0, 4));
}

std::string month_of(Timestamp time) {
    auto const date = civil(time);
    return fmt::format("{:04}-{:02}", date.year, date.month);
}

std::string with_commas(std::uint64_t number) {
    auto text = std::to_string(number);
    for (std::ptrdiff_t at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) {
        text.insert(static_cast<std::size_t>(at), 1, ',');
    }
    return text;
}

std::string spoken_size(std::uint64_t bytes) {
    if (bytes < 1000) return counted(bytes, "byte", "bytes");
    auto size = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; size >= 999.5 && unit < 4; ++unit) size /= 1000;
    static constexpr std::string_view units[] = {"", "kB", "MB", "GB", "TB"};
    return fmt::format("{:.{}f} {}", size, size < 9.95 ? 1 : 0, units[unit]);
}

std::string counted(std::uint64_t number, std::string_view one, std::string_view many) {
    return fmt::format("{} {}", with_commas(number), number == 1 ? one : many);
}

}  // namespace perdure::format
