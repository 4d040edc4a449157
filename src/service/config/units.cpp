#include "service/config/units.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/ascii.h"

namespace perdure::service {
namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr std::array duration_units{
    Unit{"ms", 1},       Unit{"s", 1000},       Unit{"m", 60'000},
    Unit{"h", 3600'000}, Unit{"d", 86'400'000}, Unit{"w", 604'800'000},
};
constexpr std::array size_units{
    Unit{"", 1},
    Unit{"B", 1},
    Unit{"kB", 1000},
    Unit{"KB", 1000},
    Unit{"MB", 1000'000},
    Unit{"GB", 1000'000'000},
    Unit{"KiB", 1u << 10},
    Unit{"MiB", 1u << 20},
    Unit{"GiB", 1u << 30},
    Unit{"TB", 1000'000'000'000ull},
    Unit{"TiB", 1ull << 40},
};

/// Takes digits off the front. False when there are none or they overflow.
bool take_number(std::string_view& text, std::uint64_t& value) {
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end == text.data()) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return true;
}

std::string_view take_letters(std::string_view& text) {
    auto const end = std::ranges::find_if_not(text, [](char c) { return is_ascii_letter(c); });
    auto const count = static_cast<std::size_t>(end - text.begin());
    auto const letters = text.substr(0, count);
    text.remove_prefix(count);
    return letters;
}

Error bad(std::string_view text, std::string_view wanted) {
    return fail(Fault::invalid, "\"" + std::string(text) + "\" is not " + std::string(wanted));
}

bool take_clock(std::string_view& text, int& minute) {
    std::uint64_t hour = 0, min = 0;
    if (text.size() < 5 || text[2] != ':') return false;
    auto const hours = text.substr(0, 2), minutes = text.substr(3, 2);
    auto h = hours, m = minutes;
    if (!take_number(h, hour) || !h.empty() || !take_number(m, min) || !m.empty()) return false;
    if (hour > 24 || min > 59 || hour * 60 + min > 24 * 60) return false;
    minute = static_cast<int>(hour * 60 + min);
    text.remove_prefix(5);
    return true;
}

struct CronField {
    std::string_view name;
    std::uint64_t low, high;
    std::string_view names;
};
constexpr std::array cron_fields{
    CronField{"minute", 0, 59, ""},
    CronField{"hour", 0, 23, ""},
    CronField{"day", 1, 31, ""},
    CronField{"month", 1, 12, "jan feb mar apr may jun jul aug sep oct nov dec"},
    CronField{"weekday", 0, 7, "sun mon tue wed thu fri sat"},
};

bool cron_value(std::string_view text, CronField const& field, std::uint64_t& value) {
    if (text.size() == 3 && !field.names.empty()) {
        auto const at = field.names.find(ascii_lower(text));
        if (at == std::string_view::npos || at % 4 != 0) return false;
        value = at / 4 + field.low;
        return true;
    }
    return take_number(text, value) && text.empty() && value >= field.low && value <= field.high;
}

bool cron_part(std::string_view part, CronField const& field) {
    std::uint64_t from = 0, to = 0, step = 0;
    if (auto const slash = part.find('/'); slash != std::string_view::npos) {
        auto digits = part.substr(slash + 1);
        if (!take_number(digits, step) || !digits.empty() || step == 0) return false;
        part = part.substr(0, slash);
    }
    if (part == "*") return true;
    auto const dash = part.find('-');
    if (dash == std::string_view::npos) return cron_value(part, field, from);
    return cron_value(part.substr(0, dash), field, from) &&
           cron_value(part.substr(dash + 1), field, to) && from <= to;
}

}  // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
    constexpr std::uint64_t milliseconds_max = 1000ull * 365 * 86'400'000;
    std::string_view rest = text;
    std::uint64_t total = 0;
    if (rest.empty()) return bad(text, "a duration such as \"26h\"");
    while (!rest.empty()) {
        std::uint64_t number = 0;
        if (!take_number(rest, number)) return bad(text, "a duration such as \"26h\"");
        auto const unit = std::ranges::find(duration_units, take_letters(rest), &Unit::name);
        if (unit == duration_units.end()) {
            return bad(text, "a duration: its units are ms, s, m, h, d and w");
        }
        if (number > milliseconds_max / unit->factor) return bad(text, "below a thousand years");
        total += number * unit->factor;
    }
    if (total > milliseconds_max) return bad(text, "below a thousand years");
    return std::chrono::milliseconds(total);
}

std::string spell_duration(std::chrono::milliseconds duration) {
    auto left = static_cast<std::uint64_t>(std::max<std::int64_t>(0, duration.count()));
    if (left == 0) return "0s";
    std::string out;
    for (auto unit = duration_units.rbegin() + 1; unit != duration_units.rend(); ++unit) {
        if (auto const count = left / unit->factor; count > 0) {
            out += std::to_string(count) + std::string(unit->name);
            left %= unit->factor;
        }
    }
    return out;
}

Result<std::uint64_t> parse_size(std::string_view text) {
    std::string_view rest = text;
    std::uint64_t number = 0;
    if (!take_number(rest, number)) return bad(text, "a size such as \"64MiB\"");
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    auto const unit = std::ranges::find(size_units, rest, &Unit::name);
    if (unit == size_units.end()) return bad(text, "a size: its units are kB, MB, GB, KiB, MiB…");
    if (number > UINT64_MAX / unit->factor) return bad(text, "below 16 EiB");
    return number * unit->factor;
}

Result<HourWindow> parse_window(std::string_view text) {
    HourWindow window;
    std::string_view rest = text;
    bool const read = take_clock(rest, window.from_minute) && rest.starts_with('-') &&
                      (rest.remove_prefix(1), take_clock(rest, window.to_minute)) && rest.empty();
    if (!read) return bad(text, "a span of hours such as \"01:00-06:00\"");
    return window;
}

Result<void> check_cron(std::string_view text) {
    std::vector<std::string> parts = split_words(text, ' ');
    std::erase(parts, "");
    if (parts.size() != cron_fields.size()) {
        return bad(text, "five cron fields (minute hour day month weekday)");
    }
    for (std::size_t i = 0; i < parts.size(); ++i) {
        for (auto const& part : split_words(parts[i], ',')) {
            if (cron_part(part, cron_fields[i])) continue;
            return bad(part, "a " + std::string(cron_fields[i].name) + " of cron");
        }
    }
    return {};
}

std::vector<std::string> split_words(std::string_view text, char separator) {
    std::vector<std::string> out;
    for (std::size_t begin = 0;;) {
        auto const end = text.find(separator, begin);
        out.emplace_back(text.substr(begin, end - begin));
        if (end == std::string_view::npos) return out;
        begin = end + 1;
    }
}

}  // namespace perdure::service
