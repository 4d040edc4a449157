#include "repository/upkeep/repair/syncing_leg.h"

#include <algorithm>

namespace perdure::repository {

bool SyncingLeg::is_ahead_of(SyncingLeg const& leader,
                             std::map<store::ObjectName, Timestamp> const& collected) const {
    std::optional<Timestamp> condemned;
    for (auto const& [name, when] : collected) {
        if (has(name) && (!condemned || when < *condemned)) condemned = when;
    }
    if (!condemned) return false;
    return std::ranges::any_of(snapshots, [&](auto const& snapshot) {
        auto const there = leader.snapshots.find(snapshot.first);
        return has_live_snapshot(snapshot.first) && there != leader.snapshots.end() &&
               there->second > snapshot.second && there->second > *condemned;
    });
}

}  // namespace perdure::repository
