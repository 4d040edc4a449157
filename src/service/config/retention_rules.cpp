#include "service/config/retention_rules.h"

#include <algorithm>
#include <limits>

#include "service/config/units.h"

namespace perdure::service {

RetentionConfig read_retention(Settings& settings, Section const& section) {
    std::string const at = section.path + ".";
    RetentionConfig out;
    out.name = section.name;
    // A count that is too large to be meant keeps all, never few.
    auto const count = [&](char const* word) {
        constexpr std::uint64_t most = std::numeric_limits<unsigned>::max() / 8;
        return static_cast<unsigned>(
            std::min<std::uint64_t>(settings.integer(at + word).value_or(0), most));
    };
    out.last = count("last");
    out.hourly = count("hourly");
    out.daily = count("daily");
    out.weekly = count("weekly");
    out.monthly = count("monthly");
    out.yearly = count("yearly");
    if (auto text = settings.text(at + "within")) {
        if (auto within = parse_duration(*text)) out.within = *within;
    }
    if (out.empty() && !settings.troubled.contains(section.path)) {
        settings.add_fault(section.place, "[" + section.path + "] keeps nothing",
                           "name at least one rule, such as last = 3");
    }
    return out;
}

RetentionConfig const* rules_in_use(std::vector<RetentionConfig> const& all) {
    auto const chosen = std::ranges::find(all, "default", &RetentionConfig::name);
    if (chosen != all.end()) return &*chosen;
    return all.size() == 1 ? &all.front() : nullptr;
}

void name_idle_rules(Settings& settings, std::vector<RetentionConfig> const& all) {
    auto const* used = rules_in_use(all);
    for (auto const& section : settings.sections_like("retention.*")) {
        if (used && section.name == used->name) continue;
        settings.warnings.push_back(
            {section.place,
             "[" + section.path +
                 "] is used by nothing: rules are for all sources, and of several " +
                 "sections [retention.default] counts",
             used ? "join the rules there: each snapshot stays that any of them keeps"
                  : "call one of them [retention.default]"});
    }
}

}  // namespace perdure::service
