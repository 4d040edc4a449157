#include "base/time.h"

#include <fmt/format.h>

#include <cstdio>
#include <limits>

namespace perdure {

namespace {
std::chrono::year_month_day date_of(Timestamp time) {
    using namespace std::chrono;
    return year_month_day(floor<days>(sys_seconds(seconds(time.seconds))));
}
struct Clock {
    int hour, minute, second;
};
Clock clock_of(Timestamp time) {
    auto const second = static_cast<int>(((time.seconds % 86400) + 86400) % 86400);
    return {second / 3600, second / 60 % 60, second % 60};
}
}  // namespace

Timestamp to_timestamp(std::chrono::system_clock::time_point time) {
    auto const whole = std::chrono::floor<std::chrono::seconds>(time);
    return {whole.time_since_epoch().count(), static_cast<std::uint32_t>((time - whole).count())};
}

std::chrono::nanoseconds operator-(Timestamp a, Timestamp b) {
    constexpr std::int64_t limit_seconds = 9'000'000'000;
    auto const seconds = a.seconds - b.seconds;
    if (seconds > limit_seconds) return std::chrono::nanoseconds::max();
    if (seconds < -limit_seconds) return std::chrono::nanoseconds::min();
    return std::chrono::nanoseconds(seconds * 1'000'000'000 + a.nanoseconds -
                                    static_cast<std::int64_t>(b.nanoseconds));
}

Timestamp operator+(Timestamp time, std::chrono::seconds delta) {
    return {time.seconds + delta.count(), time.nanoseconds};
}

std::string to_rfc3339(Timestamp time) {
    auto const date = date_of(time);
    auto const clock = clock_of(time);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", int(date.year()),
                       unsigned(date.month()), unsigned(date.day()), clock.hour, clock.minute,
                       clock.second);
}

std::string to_compact(Timestamp time) {
    auto const date = date_of(time);
    auto const clock = clock_of(time);
    return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", int(date.year()), unsigned(date.month()),
                       unsigned(date.day()), clock.hour, clock.minute, clock.second);
}

Result<Timestamp> parse_time(std::string_view text) {
    auto const bad = [&] {
        return fail(Fault::invalid, fmt::format("\"{}\" is no date or time", text))
            .with_fix("write 2026-03-01, 2026-03-01T14:00:00Z or 2026-03-01T14:00:00+01:00");
    };
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, used = 0;
    std::string const copy(text);
    if (std::sscanf(copy.c_str(), "%4d-%2d-%2d%n", &year, &month, &day, &used) != 3 || used != 10) {
        return bad();
    }
    std::string_view rest = text.substr(10);
    std::int64_t offset_seconds = 0;
    std::uint32_t nanoseconds = 0;
    if (!rest.empty()) {
        used = 0;
        if ((rest[0] != 'T' && rest[0] != ' ' && rest[0] != 't') ||
            std::sscanf(copy.c_str() + 11, "%2d:%2d:%2d%n", &hour, &minute, &second, &used) != 3 ||
            used != 8) {
            return bad();
        }
        rest.remove_prefix(9);
        if (rest.starts_with('.')) {
            std::uint32_t scale = 100'000'000;
            rest.remove_prefix(1);
            while (!rest.empty() && rest[0] >= '0' && rest[0] <= '9') {
                nanoseconds += static_cast<std::uint32_t>(rest[0] - '0') * scale;
                scale /= 10;
                rest.remove_prefix(1);
            }
        }
        if (rest == "Z" || rest == "z" || rest.empty()) {
        } else {
            int off_hour = 0, off_minute = 0;
            std::string const zone(rest.substr(1));
            used = 0;
            if ((rest[0] != '+' && rest[0] != '-') ||
                std::sscanf(zone.c_str(), "%2d:%2d%n", &off_hour, &off_minute, &used) != 2 ||
                used != 5 || zone.size() != 5) {
                return bad();
            }
            offset_seconds = (off_hour * 3600 + off_minute * 60) * (rest[0] == '-' ? -1 : 1);
        }
    }
    std::chrono::year_month_day const date{std::chrono::year(year),
                                           std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (!date.ok() || hour > 23 || minute > 59 || second > 60 || hour < 0 || minute < 0) {
        return bad();
    }
    auto const days = std::chrono::sys_days(date).time_since_epoch().count();
    return Timestamp{
        days * std::int64_t{86400} + hour * 3600 + minute * 60 + second - offset_seconds,
        nanoseconds};
}

}  // namespace perdure
