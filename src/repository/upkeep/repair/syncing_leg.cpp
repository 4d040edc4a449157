#include "repository/upkeep/repair/syncing_leg.h"

#include <algorithm>

#include "repository/config_object.h"
#include "repository/lease.h"
#include "repository/own_sessions.h"
#include "repository/upkeep/repair/proven_object.h"

namespace perdure::repository {

namespace {

/// A lease outlives a session that was given up (it keeps its packs), and one whose snapshot
/// somebody deletes.
Result<bool> may_commit_still(store::ObjectStore& store, LeaseRecord const& lease, Timestamp now,
                              std::stop_token const& stop) {
    if (now - lease.renewed > lease_lifetime || lease.tells_of_deletion()) return false;
    PD_TRY(bool const given_up, is_given_up(store, lease.session, stop));
    return !given_up;
}

}  // namespace

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
    for (LeaseRecord const& lease : leases) {
        if (lease.collection >= collection || ended_here.contains(lease.session)) continue;
        PD_TRY(bool const may_commit, may_commit_still(*store, lease, now, stop));
        if (may_commit) return true;
    }
    return false;
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

Result<FoundObject> find_proven(std::vector<SyncingLeg>& legs, store::ObjectName const& name,
                                std::stop_token const& stop) {
    FoundObject found{.object = {}, .gone = true};
    for (SyncingLeg& leg : legs) {
        if (!leg.has(name)) continue;
        if (leg.silent) {
            found.gone = false;
            continue;
        }
        auto object = read_proven(*leg.store, name, stop);
        if (object && *object) return FoundObject{std::move(*object), false};
        Fault const fault = object ? Fault::corrupt : object.error().fault();
        if (fault == Fault::cancelled) return object.error();
        if (fault == Fault::unavailable) leg.note_failure(object.error(), stop);
        found.gone = found.gone && fault == Fault::not_found;
    }
    return found;
}

Result<bool> chains_agree(std::vector<SyncingLeg> const& legs, SyncingLeg& leader,
                          std::stop_token const& stop) {
    for (SyncingLeg const& leg : legs) {
        if (!leg.open || &leg == &leader || leg.newest.seen == 0) continue;
        auto const name = collection_name(leg.newest.seen);
        auto const own = read_proven(*leg.store, name, stop);
        if (!own && own.error().fault() == Fault::cancelled) return own.error();
        auto const leaders = read_proven(*leader.store, name, stop);
        if (!leaders && leaders.error().fault() == Fault::cancelled) return leaders.error();
        if (!leaders && leaders.error().fault() != Fault::not_found)
            leader.note_failure(leaders.error(), stop);
        if (!own || !*own || !leaders || !*leaders || **leaders != **own) return false;
    }
    return true;
}

Result<bool> sessions_at_work(store::ObjectStore& store, std::set<SessionId> const& ended_here,
                              std::stop_token const& stop) {
    auto const now = store.now(stop);
    auto const leases = read_leases(store, stop);
    for (auto const fault : {now ? Fault::internal : now.error().fault(),
                             leases ? Fault::internal : leases.error().fault()})
        if (fault == Fault::cancelled) return fail(Fault::cancelled, "stopped");
    if (!now || !leases) return true;
    for (LeaseRecord const& lease : *leases) {
        if (ended_here.contains(lease.session)) continue;
        auto const may_commit = may_commit_still(store, lease, *now, stop);
        if (!may_commit && may_commit.error().fault() == Fault::cancelled)
            return may_commit.error();
        if (!may_commit || *may_commit) return true;
    }
    return false;
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
