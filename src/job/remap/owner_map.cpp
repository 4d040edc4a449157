#include "job/remap/owner_map.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <charconv>

namespace perdure::job {

namespace {

std::optional<std::uint32_t> number_of(std::string_view text) {
    std::uint32_t value = 0;
    auto const parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

std::optional<std::uint32_t> user_here(std::string const& name) {
    passwd record{};
    passwd* found = nullptr;
    std::vector<char> buffer(65536);
    if (getpwnam_r(name.c_str(), &record, buffer.data(), buffer.size(), &found) != 0 || !found) {
        return std::nullopt;
    }
    return found->pw_uid;
}

std::optional<std::uint32_t> group_here(std::string const& name) {
    group record{};
    group* found = nullptr;
    std::vector<char> buffer(65536);
    if (getgrnam_r(name.c_str(), &record, buffer.data(), buffer.size(), &found) != 0 || !found) {
        return std::nullopt;
    }
    return found->gr_gid;
}

Error bad(std::string const& rule, std::string why) {
    return fail(Fault::invalid, "\"" + rule + "\" is no owner rule\n" + std::move(why))
        .with_code(2)
        .with_fix("write OLD=NEW for a user, :OLD=:NEW for a group, OLD:GROUP=NEW:GROUP for both");
}

/// "user:group" → its halves; either may be empty.
std::pair<std::string, std::string> halves(std::string const& text) {
    auto const colon = text.find(':');
    if (colon == std::string::npos) return {text, ""};
    return {text.substr(0, colon), text.substr(colon + 1)};
}

using Known = std::map<std::string, std::optional<std::uint32_t>>;
using Ask = std::optional<std::uint32_t> (*)(std::string const&);

std::optional<std::uint32_t> look_up(Known& known, std::string const& name, Ask ask) {
    auto const [at, fresh] = known.try_emplace(name);
    if (fresh) at->second = ask(name);
    return at->second;
}

}  // namespace

OwnerMap::OwnerMap(OwnerMap&& other) noexcept
    : by_name_(other.by_name_),
      users_(std::move(other.users_)),
      groups_(std::move(other.groups_)) {}

Result<OwnerMap> OwnerMap::create(Options const& options) {
    OwnerMap out(options);
    auto const add = [](std::string const& rule, std::string const& old_name,
                        std::string const& new_name, Ask ask,
                        std::vector<Rule>& into) -> Result<void> {
        if (old_name.empty() && new_name.empty()) return {};
        if (old_name.empty() || new_name.empty()) return bad(rule, "one of its halves is missing");
        auto number = ask(new_name);
        bool const named = number.has_value();
        if (!number) number = number_of(new_name);
        if (!number) return bad(rule, "this machine has no \"" + new_name + "\"");
        into.push_back({old_name, *number, named ? new_name : ""});
        return {};
    };
    for (auto const& rule : options.rules) {
        auto const equals = rule.find('=');
        if (equals == std::string::npos) return bad(rule, "there is no '=' in it");
        auto const [old_user, old_group] = halves(rule.substr(0, equals));
        auto const [new_user, new_group] = halves(rule.substr(equals + 1));
        bool const any = !old_user.empty() || !old_group.empty();
        if (!any) return bad(rule, "it names nobody");
        PD_CHECK(add(rule, old_user, new_user, user_here, out.users_));
        PD_CHECK(add(rule, old_group, new_group, group_here, out.groups_));
    }
    return out;
}

void OwnerMap::apply(data::Entry& entry) const {
    auto const map = [&](std::string& name, std::uint32_t& number, std::vector<Rule> const& rules,
                         Known& known, Ask ask) {
        auto const rule = std::ranges::find_if(rules, [&](Rule const& each) {
            return (!name.empty() && each.old_name == name) ||
                   number_of(each.old_name) == std::optional(number);
        });
        if (rule != rules.end()) {
            number = rule->number;
            name = rule->name;
            return;
        }
        // Zero means the same everywhere; a name for it is only a name.
        if (!by_name_ || name.empty() || number == 0) return;
        std::lock_guard lock(mutex_);
        auto const here = look_up(known, name, ask);
        if (here && *here != 0) number = *here;
    };
    map(entry.user, entry.uid, users_, known_users_, user_here);
    map(entry.group, entry.gid, groups_, known_groups_, group_here);
}

}  // namespace perdure::job
