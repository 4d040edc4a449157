#include "data/conflict.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/nearest_word.h"

namespace perdure::data {

namespace {

constexpr std::array<std::pair<Strategy, std::string_view>, 6> strategies = {{
    {Strategy::keep_newer, "keep-newer"},
    {Strategy::keep_older, "keep-older"},
    {Strategy::keep_oldest, "keep-oldest"},
    {Strategy::keep_both, "keep-both"},
    {Strategy::skip, "skip"},
    {Strategy::overwrite, "overwrite"},
}};
constexpr std::array<std::pair<Decision, std::string_view>, 5> decisions = {{
    {Decision::insert, "insert"},
    {Decision::replace, "replace"},
    {Decision::keep, "keep"},
    {Decision::duplicate, "duplicate"},
    {Decision::skip, "skip"},
}};
constexpr std::chrono::seconds future_max{86'400};

/// Empty when it is not to be believed; `doubt` then says why.
std::optional<Timestamp> believed(Moments const& moments, Timestamp now, std::string_view whose,
                                  std::string& doubt) {
    auto const moment = moments.updated ? moments.updated : moments.created;
    if (!moment) {
        doubt = fmt::format("{} has no timestamp", whose);
    } else if (now + future_max < *moment) {
        doubt = fmt::format("{} is dated in the future ({})", whose, to_rfc3339(*moment));
        return std::nullopt;
    }
    return moment;
}

Verdict by_time(Strategy strategy, Moments const& existing, Moments const& incoming, Timestamp now,
                std::string_view name) {
    std::string doubt;
    auto const here = believed(existing, now, "the existing one", doubt);
    auto const there = believed(incoming, now, name, doubt);
    if (!here || !there) return {Decision::keep, doubt + ": the existing one stays"};
    if (*here == *there) return {Decision::keep, "same timestamp: the existing one stays"};
    bool const newer = *here < *there;
    bool const replaces = strategy == Strategy::keep_newer ? newer : !newer;
    return {replaces ? Decision::replace : Decision::keep,
            fmt::format("{} is {} ({} against {})", name, newer ? "newer" : "older",
                        to_rfc3339(*there), to_rfc3339(*here))};
}

}  // namespace

std::string_view strategy_name(Strategy strategy) {
    return std::ranges::find(strategies, strategy, &std::pair<Strategy, std::string_view>::first)
        ->second;
}

std::string_view decision_name(Decision decision) {
    return std::ranges::find(decisions, decision, &std::pair<Decision, std::string_view>::first)
        ->second;
}

std::vector<std::string> strategy_names() {
    std::vector<std::string> names;
    for (auto const& [strategy, name] : strategies) names.emplace_back(name);
    return names;
}

Result<Strategy> parse_strategy(std::string const& name) {
    for (auto const& [strategy, known] : strategies) {
        if (known == name) return strategy;
    }
    auto const near = nearest_word(name, strategy_names());
    return fail(Fault::invalid, fmt::format("there is no strategy \"{}\"", name))
        .with_code(2)
        .with_fix(near.empty() ? fmt::format("one of {}", fmt::join(strategy_names(), ", "))
                               : fmt::format("did you mean \"{}\"?", near));
}

std::optional<Decision> parse_decision(std::string_view name) {
    for (auto const& [decision, known] : decisions) {
        if (known == name) return decision;
    }
    return std::nullopt;
}

Verdict resolve(Strategy strategy, Moments const& existing, Moments const& incoming, Timestamp now,
                std::string_view incoming_name) {
    switch (strategy) {
        case Strategy::keep_newer:
        case Strategy::keep_oldest:
            return by_time(strategy, existing, incoming, now, incoming_name);
        case Strategy::keep_older:
            return {Decision::keep, "keep-older: the existing one stays"};
        case Strategy::keep_both:
            return {Decision::duplicate, "keep-both: it comes back as a record of its own"};
        case Strategy::skip:
            return {Decision::skip, "skip: the existing one stays"};
        case Strategy::overwrite:
            return {Decision::replace, "overwrite"};
    }
    return {};
}

}  // namespace perdure::data
