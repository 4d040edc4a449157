#include "format/instant.h"

#include <chrono>

namespace perdure::format {

namespace {

char* put_digits(char* to, unsigned value, int count) {
    for (int i = count - 1; i >= 0; --i, value /= 10) to[i] = static_cast<char>('0' + value % 10);
    return to + count;
}

/// The next `count` digits as a number; takes them off `text`.
std::optional<unsigned> take_digits(std::string_view& text, std::size_t count) {
    if (text.size() < count) return std::nullopt;
    unsigned value = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (text[i] < '0' || text[i] > '9') return std::nullopt;
        value = value * 10 + static_cast<unsigned>(text[i] - '0');
    }
    text.remove_prefix(count);
    return value;
}

bool take(std::string_view& text, char c) {
    if (!text.starts_with(c)) return false;
    text.remove_prefix(1);
    return true;
}

bool is_zone(std::string_view zone) {
    if (zone.empty() || zone == "Z") return true;
    if (zone[0] != '+' && zone[0] != '-') return false;
    zone.remove_prefix(1);
    auto const hour = take_digits(zone, 2);
    if (!hour || *hour > 23) return false;
    if (zone.empty()) return true;
    take(zone, ':');
    auto const minute = take_digits(zone, 2);
    return minute && *minute < 60 && zone.empty();
}

bool read_clock(std::string_view text, WrittenInstant& instant) {
    auto const hour = take_digits(text, 2);
    if (!hour || *hour > 23 || !take(text, ':')) return false;
    auto const minute = take_digits(text, 2);
    if (!minute || *minute > 59) return false;
    instant.second = *hour * 3600 + *minute * 60;
    instant.with_seconds = take(text, ':');
    if (instant.with_seconds) {
        auto const second = take_digits(text, 2);
        if (!second || *second > 59) return false;
        instant.second += *second;
        if (take(text, '.')) {
            auto const digits = text.find_first_not_of("0123456789");
            instant.fraction = text.substr(0, digits);
            if (instant.fraction.empty()) return false;
            text.remove_prefix(instant.fraction.size());
        }
    }
    instant.zone = text;
    return is_zone(text);
}

}  // namespace

std::string exact_rfc3339(Timestamp time) {
    using namespace std::chrono;
    constexpr std::int64_t first = -62135596800, last = 253402300799;  // years 1 to 9999
    if (time.seconds < first || time.seconds > last) return {};
    auto const day = floor<days>(sys_seconds(seconds(time.seconds)));
    year_month_day const date(day);
    auto const second =
        static_cast<unsigned>(time.seconds - day.time_since_epoch().count() * 86400);
    char text[40];
    char* to = put_digits(text, static_cast<unsigned>(int(date.year())), 4);
    *to++ = '-';
    to = put_digits(to, unsigned(date.month()), 2);
    *to++ = '-';
    to = put_digits(to, unsigned(date.day()), 2);
    *to++ = 'T';
    to = put_digits(to, second / 3600, 2);
    *to++ = ':';
    to = put_digits(to, second / 60 % 60, 2);
    *to++ = ':';
    to = put_digits(to, second % 60, 2);
    if (time.nanoseconds != 0) {
        *to++ = '.';
        to = put_digits(to, time.nanoseconds, 9);
        while (to[-1] == '0') --to;
    }
    *to++ = 'Z';
    return {text, to};
}

std::optional<WrittenInstant> read_instant(std::string_view text) {
    using namespace std::chrono;
    WrittenInstant instant;
    auto const year_number = take_digits(text, 4);
    if (!year_number || !take(text, '-')) return std::nullopt;
    auto const month_number = take_digits(text, 2);
    if (!month_number || !take(text, '-')) return std::nullopt;
    auto const day_number = take_digits(text, 2);
    if (!day_number) return std::nullopt;
    year_month_day const date{year(static_cast<int>(*year_number)), month(*month_number),
                              day(*day_number)};
    if (!date.ok()) return std::nullopt;
    instant.day = sys_days(date).time_since_epoch().count();
    if (text.empty()) return instant;
    instant.between = text[0];
    if (instant.between != 'T' && instant.between != ' ') return std::nullopt;
    if (!read_clock(text.substr(1), instant)) return std::nullopt;
    return instant;
}

}  // namespace perdure::format
