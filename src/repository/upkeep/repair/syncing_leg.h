#pragma once

#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "repository/domain.h"
#include "repository/lease.h"
#include "repository/triple.h"
#include "repository/upkeep/collect/collection.h"
#include "repository/upkeep/repair/sync.h"
#include "store/wrap/keyless.h"

namespace perdure::repository {

/// A destination of a sync. It stays where it is while the sync lasts.
struct SyncingLeg {
    store::ObjectStore* store = nullptr;
    bool holds_keys = true;
    std::map<store::ObjectName, std::uint64_t> objects;  ///< name → size
    std::map<store::ObjectName, Timestamp> snapshots;    ///< name → when they came here
    NewestCollection newest;
    std::optional<RepositoryId> repository;  ///< that it says it holds
    bool open = false;
    bool silent = false;   ///< it stopped answering, and is asked no more
    bool has_own = false;  ///< something that the leader never had, or got too late: see sync.cpp
    SyncedLeg report;

    bool has(store::ObjectName const& name) const { return objects.contains(name); }
    /// Whether it should hold an object of this name.
    bool takes(store::ObjectName const& name) const {
        return open && !silent && (holds_keys || !store::is_of_keyring(name));
    }
    bool has_live_snapshot(store::ObjectName const& name) const {
        auto const found = name.starts_with("snapshot/") ? objects.find(name) : objects.end();
        return found != objects.end() && found->second > tombstone_object_bytes;
    }
    /// Whether a pin would come to where its snapshot is deleted: nobody could take it back there.
    bool has_dead(store::ObjectName const& pin) const {
        if (!pin.starts_with("pin/")) return false;
        auto const found = objects.find(snapshot_beside(pin));
        return found != objects.end() && found->second <= tombstone_object_bytes;
    }
    /// Whether a sync brought `leader` a snapshot of this leg after it had condemned packs that it
    /// deleted and this leg still has (name → when): who decided that knew nothing of the snapshot,
    /// and it may rest on them (tests/simulation, seed 9281: a collector slept before it deleted).
    bool is_ahead_of(SyncingLeg const& leader,
                     std::map<store::ObjectName, Timestamp> const& collected) const;
    /// Whether a session is at work here that may build on what collections up to this one deleted,
    /// and that is not known to have ended.
    Result<bool> is_busy(std::uint64_t collection, std::set<SessionId> const& ended_here,
                         std::stop_token const& stop) const;
    /// Whether a snapshot was committed here since the objects were listed. Asked after is_busy: a
    /// session that ended before leaves no lease, and was not in that list.
    Result<bool> has_grown(std::stop_token const& stop) const;
    /// Of one that does not answer at all nothing is asked any more: see answers().
    void note_failure(Error const& error, std::stop_token const& stop);
    void fail_with(std::string const& why) {
        if (report.problem.empty()) report.problem = why;
    }
};

/// The first leg's copy of an object that is whole.
struct FoundObject {
    std::optional<Bytes> object;
    bool gone = false;  ///< none of those that listed it has it any more
};
/// Notes who stops answering. Fails: cancelled.
Result<FoundObject> find_proven(std::vector<SyncingLeg>& legs, store::ObjectName const& name,
                                std::stop_token const& stop);

/// Whether the records of collections may travel: over the newest of a leg that collected by itself
/// they would hide what it condemned. Those chains are joined by the next collection. Not when the
/// leader does not tell its own, either. Fails: cancelled.
Result<bool> chains_agree(std::vector<SyncingLeg> const& legs, SyncingLeg& leader,
                          std::stop_token const& stop);

/// Whether a session is at work at a destination of the store, or nobody can tell. Fails:
/// cancelled.
Result<bool> sessions_at_work(store::ObjectStore& store, std::set<SessionId> const& ended_here,
                              std::stop_token const& stop);

/// Where something was deleted and the tombstone is damaged, what other legs still have settles
/// nothing: the deletion would be undone, and destroyed keys would come back. `bodies` are those
/// that are whole, `damaged` the legs that hold the object so.
bool is_undecided(store::ObjectName const& name, std::vector<std::optional<Bytes>> const& bodies,
                  std::vector<SyncingLeg*> const& damaged);

}  // namespace perdure::repository
