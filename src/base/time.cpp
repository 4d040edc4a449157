#include "base/time.h"

#include <fmt/format.h>

#include <limits>
#include <optional>
#include <span>

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
    std::int64_t seconds = 0;
    if (__builtin_sub_overflow(a.seconds, b.seconds, &seconds)) {
        return a.seconds > b.seconds ? std::chrono::nanoseconds::max()
                                     : std::chrono::nanoseconds::min();
    }
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

namespace {

/// Takes so many digits off the front; empty when other characters stand there.
std::optional<int> take_digits(std::string_view& rest, std::size_t count) {
    if (rest.size() < count) return std::nullopt;
    int number = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (rest[i] < '0' || rest[i] > '9') return std::nullopt;
        number = number * 10 + (rest[i] - '0');
    }
    rest.remove_prefix(count);
    return number;
}

bool take(std::string_view& rest, char wanted) {
    if (!rest.starts_with(wanted)) return false;
    rest.remove_prefix(1);
    return true;
}

/// "12:30:00", as far as parts are wanted.
bool take_clock(std::string_view& rest, std::span<int> parts) {
    for (auto& part : parts) {
        if (&part != parts.data() && !take(rest, ':')) return false;
        auto const number = take_digits(rest, 2);
        if (!number) return false;
        part = *number;
    }
    return true;
}

std::uint32_t take_fraction(std::string_view& rest) {
    std::uint32_t nanoseconds = 0;
    for (std::uint32_t scale = 100'000'000; !rest.empty() && rest[0] >= '0' && rest[0] <= '9';
         scale /= 10) {
        nanoseconds += static_cast<std::uint32_t>(rest[0] - '0') * scale;
        rest.remove_prefix(1);
    }
    return nanoseconds;
}

/// Seconds east of Greenwich: "", "Z", "+01:00".
std::optional<std::int64_t> read_zone(std::string_view rest) {
    if (rest.empty() || rest == "Z" || rest == "z") return 0;
    bool const west = rest[0] == '-';
    if (!west && rest[0] != '+') return std::nullopt;
    rest.remove_prefix(1);
    int parts[2];
    if (!take_clock(rest, parts) || !rest.empty()) return std::nullopt;
    if (parts[0] > 23 || parts[1] > 59) return std::nullopt;
    return (parts[0] * 3600 + parts[1] * 60) * (west ? -1 : 1);
}

/// By hand: exports read one or two instants a record.
std::optional<Timestamp> read_time(std::string_view rest) {
    auto const year = take_digits(rest, 4);
    if (!year || !take(rest, '-')) return std::nullopt;
    auto const month = take_digits(rest, 2);
    if (!month || !take(rest, '-')) return std::nullopt;
    auto const day = take_digits(rest, 2);
    if (!day) return std::nullopt;
    int clock[3] = {0, 0, 0};
    std::uint32_t nanoseconds = 0;
    if (!rest.empty()) {
        if (!take(rest, 'T') && !take(rest, ' ') && !take(rest, 't')) return std::nullopt;
        if (!take_clock(rest, clock)) return std::nullopt;
        if (take(rest, '.')) nanoseconds = take_fraction(rest);
    }
    auto const east = read_zone(rest);
    std::chrono::year_month_day const date{std::chrono::year(*year),
                                           std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    if (!east || !date.ok() || clock[0] > 23 || clock[1] > 59 || clock[2] > 60) {
        return std::nullopt;
    }
    auto const days = std::chrono::sys_days(date).time_since_epoch().count();
    return Timestamp{
        days * std::int64_t{86400} + clock[0] * 3600 + clock[1] * 60 + clock[2] - *east,
        nanoseconds};
}

}  // namespace

Result<Timestamp> parse_time(std::string_view text) {
    auto const time = read_time(text);
    if (time) return *time;
    constexpr std::size_t shown = 60;
    return fail(Fault::invalid, fmt::format("\"{}{}\" is no date or time", text.substr(0, shown),
                                            text.size() > shown ? "…" : ""))
        .with_fix("write 2026-03-01, 2026-03-01T14:00:00Z or 2026-03-01T14:00:00+01:00");
}

}  // namespace perdure
