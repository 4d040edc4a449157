#include "repository/upkeep/repair/syncing_leg.h"

#include <algorithm>

#include "repository/config_object.h"
#include "repository/lease.h"

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

void SyncingLeg::note_failure(Error const& error, std::stop_token const& stop) {
    fail_with(error.message());
    if (error.fault() == Fault::unavailable) silent = !answers(*store, stop);
}

Result<bool> SyncingLeg::is_busy(std::uint64_t collection, std::set<SessionId> const& ended_here,
                                 std::stop_token const& stop) const {
    PD_TRY(Timestamp const now, store->now(stop));
    PD_TRY(auto const leases, read_leases(*store, stop));
    return std::ranges::any_of(leases, [&](LeaseRecord const& lease) {
        return now - lease.renewed <= lease_lifetime && lease.collection < collection &&
               !ended_here.contains(lease.session);
    });
}

Result<bool> SyncingLeg::has_grown(std::stop_token const& stop) const {
    bool grown = false;
    PD_CHECK(store->list(
        "snapshot/",
        [&](store::ObjectInfo const& info) -> Result<void> {
            grown = grown || (!has(info.name) && info.size_bytes != tombstone_object_bytes);
            return {};
        },
        stop));
    return grown;
}

bool is_undecided(store::ObjectName const& name, std::vector<std::optional<Bytes>> const& bodies,
                  std::vector<SyncingLeg*> const& damaged) {
    bool const dead = std::ranges::any_of(
        bodies, [](auto const& object) { return object && is_tombstone(*object); });
    return !dead && std::ranges::any_of(damaged, [&](SyncingLeg const* leg) {
        return leg->objects.at(name) == tombstone_object_bytes;
    });
}

}  // namespace perdure::repository
