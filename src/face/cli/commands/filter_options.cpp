#include "face/cli/commands/filter_options.h"

#include <ctime>
#include <optional>

namespace perdure::face {
namespace {

/// Empty where the text has another form, or names no time there is (a 30 February).
std::optional<Timestamp> local(std::string_view text) {
    std::string const typed(text);
    for (auto const* form : {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M",
                             "%Y-%m-%dT%H:%M:%S"}) {
        std::tm parts{};
        char const* end = ::strptime(typed.c_str(), form, &parts);
        if (end == nullptr || *end != '\0') continue;
        int const day = parts.tm_mday;
        parts.tm_isdst = -1;
        std::time_t const seconds = std::mktime(&parts);
        if (parts.tm_mday != day) return std::nullopt;
        return Timestamp{seconds, 0};
    }
    return std::nullopt;
}

/// When a snapshot was taken, as somebody types it: what lists show ("2026-11-21 02:31", with or
/// without seconds) and a date alone are local time; RFC 3339 with a zone is what it says.
Result<Timestamp> parse_snapshot_time(std::string_view text) {
    if (auto const time = local(text)) return *time;
    auto parsed = parse_time(text);
    if (parsed) return parsed;
    return Error(parsed.error())
        .with_code(2)
        .with_fix("write 2026-03-01, \"2026-03-01 14:00\" (local time) or 2026-03-01T14:00:00Z");
}

}  // namespace

Result<std::optional<Timestamp>> time_option(Arguments const& arguments, std::string const& name) {
    auto const text = arguments.value(name);
    if (text.empty()) return std::optional<Timestamp>();
    auto time = parse_time(text);
    if (!time) return Error(time.error()).within(name).with_code(2);
    return std::optional<Timestamp>(*time);
}

Result<std::optional<Timestamp>> snapshot_time_option(Arguments const& arguments,
                                                      std::string const& name) {
    auto const text = arguments.value(name);
    if (text.empty()) return std::optional<Timestamp>();
    auto time = parse_snapshot_time(text);
    if (!time) return Error(time.error()).within(name);
    return std::optional<Timestamp>(*time);
}

Result<std::optional<Timestamp>> at_option(Arguments const& arguments) {
    PD_TRY(auto time, snapshot_time_option(arguments, "--at"));
    // Lists show no more than the second: what was taken within it is meant too.
    if (time && time->nanoseconds == 0) time->nanoseconds = 999'999'999;
    return time;
}

Result<data::RecordFilter> filter_of(Arguments const& arguments) {
    data::RecordFilter filter;
    filter.types = arguments.values("--type");
    filter.projects = arguments.values("--project");
    filter.categories = arguments.values("--category");
    filter.collections = arguments.values("--collection");
    filter.tags = arguments.values("--tag");
    filter.subjects = arguments.values("--subject");
    PD_TRY(filter.since, time_option(arguments, "--since"));
    PD_TRY(filter.until, time_option(arguments, "--until"));
    filter.where_text = arguments.value("--where");
    if (!filter.where_text.empty()) {
        auto where = data::Where::parse(filter.where_text);
        if (!where) return Error(where.error()).within("--where").with_code(2);
        filter.where = std::move(*where);
    }
    return filter;
}

}  // namespace perdure::face
