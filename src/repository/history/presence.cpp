#include "repository/history/presence.h"

#include <algorithm>

namespace perdure::repository {

PresenceSets::Id PresenceSets::of(std::vector<bool> const& members) {
    auto const [at, fresh] = by_members_.try_emplace(members, static_cast<Id>(sets_.size()));
    if (fresh) sets_.push_back(members);
    return at->second;
}

PresenceSets::Id PresenceSets::only(std::size_t snapshot) {
    std::vector<bool> members(snapshots_);
    members[snapshot] = true;
    return of(members);
}

PresenceSets::Id PresenceSets::unite(Id a, Id b) {
    if (a == b) return a;
    auto const pair = std::minmax(a, b);
    auto const known = united_.find(pair);
    if (known != united_.end()) return known->second;
    std::vector<bool> members = sets_[a];
    for (std::size_t i = 0; i < snapshots_; ++i) members[i] = members[i] || sets_[b][i];
    Id const id = of(members);
    united_[pair] = id;
    return id;
}

std::size_t PresenceSets::first(Id id) const {
    auto const& members = sets_[id];
    return static_cast<std::size_t>(std::ranges::find(members, true) - members.begin());
}

std::size_t PresenceSets::last(Id id) const {
    auto const& members = sets_[id];
    std::size_t at = members.size();
    while (at > 0 && !members[at - 1]) --at;
    return at == 0 ? 0 : at - 1;
}

std::size_t PresenceSets::count(Id id) const {
    return static_cast<std::size_t>(std::ranges::count(sets_[id], true));
}

}  // namespace perdure::repository
