/*  Problem: destinations drift apart, because one was away while the others went on; bring them
   back together without the keys, and without carrying damage or undoing a deletion.

    1. A leg never shows a snapshot whose packs it lacks: packs, then index, then snapshots.
    2. Only proven bytes are copied.
    3. A tombstone travels, but last, and not to a leg that something could not be brought to: what
       it would bury may be the last thing that can be restored there. It is no proof, either: see
       Deletions. And a fence only says that a session had not committed *there*; a body elsewhere
       under that name is a snapshot that did. What is not followed is told and stays as it is.
    4. The leader is the leg that saw the last collection. What it condemned and deleted is removed
       elsewhere too, but only from a leg that has nothing of its own (no snapshot, no pack that the
       leader lacks): a snapshot that exists only there may rest on those packs, and then they
       travel to the leader instead, for the next collection to rescue. Nor where a session works.
    5. The keyring travels between key homes only, and not at all while one of them was changed
       apart from the others, or alone opens what sessions added there: a tombstone would destroy
       those keys. Who has the key joins or folds them first (keyring/merge).
    6. Records of collections travel only along one chain: see chains_agree().
    7. A leg that holds another repository is not looked at: whose keyring is newer would bury the
       other's.

    Rejected: making every leg equal to one chosen leg (a snapshot committed elsewhere would go). */
#include "repository/upkeep/repair/sync.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "repository/config_object.h"
#include "repository/keyring/merge/lineage.h"
#include "repository/lease.h"
#include "repository/own_sessions.h"
#include "repository/triple.h"
#include "repository/upkeep/collect/collection.h"
#include "repository/upkeep/repair/deletions.h"
#include "repository/upkeep/repair/proven_object.h"
#include "repository/upkeep/repair/syncing_leg.h"
#include "store/kept.h"
#include "store/own_names.h"
#include "store/wrap/keyless.h"

namespace perdure::repository {

namespace {

using store::ObjectName;
using Leg = SyncingLeg;

/// The order in which objects travel.
constexpr char const* travel_order[] = {"config", "keyring/", "pack/",    "index/",
                                        "fence/", "pin/",     "snapshot/"};

class Syncer {
public:
    Syncer(store::ObjectStore& store, SyncOptions const& options, std::stop_token stop)
        : store_(store), options_(options), stop_(std::move(stop)) {
        for (store::ObjectStore* leg : store.legs()) {
            legs_.emplace_back().store = leg;
            legs_.back().holds_keys = store::behind_keyless(*leg) == nullptr;
            legs_.back().report.destination = leg->describe();
        }
    }

    Result<SyncReport> run() {
        report_.dry_run = options_.dry_run;
        // Before the listings that everything rests on: what happens after them is not in them.
        PD_TRY(auto const lineage, lineage_of(homes(), stop_));
        PD_CHECK(look());
        bool one_keyring = lineage.is_one();
        if (!one_keyring) {
            PD_TRY(one_keyring, keyrings_are_one());
        }
        if (one_keyring) PD_CHECK(travel_all());
        for (Leg& leg : legs_) {
            leg.report.complete = leg.open && leg.report.problem.empty();
            report_.legs.push_back(leg.report);
        }
        return std::move(report_);
    }

private:
    Result<void> look();
    std::vector<store::ObjectStore*> homes() const;
    Result<bool> keyrings_are_one();
    Result<void> travel_all();
    Result<void> look_at(Leg& leg);
    void leave_out_others();
    void choose_leader();
    bool has_own(Leg const& leg) const;
    Result<void> pass_over_busy();
    bool was_collected(ObjectName const& name, Leg const& holder) const;
    Result<void> travel(std::string const& prefix);
    Result<void> spread(ObjectName const& name);
    Result<void> agree(ObjectName const& name);
    Result<std::optional<Bytes>> settle(ObjectName const& name,
                                        std::vector<std::optional<Bytes>> const& bodies);
    Result<void> replace_damaged(ObjectName const& name, std::optional<Bytes> const& whole,
                                 Leg& leg);
    Result<void> bury();
    Result<void> copy(ObjectName const& name, ByteView object, Leg& to, store::PutMode mode);
    Result<void> remove_collected();
    Result<bool> is_replaced(ObjectName const& segment);
    Result<void> remove(ObjectName const& name, Leg& from);
    std::set<ObjectName> all_names(std::string const& prefix) const;

    store::ObjectStore& store_;
    SyncOptions const& options_;
    std::stop_token stop_;
    SyncReport report_;
    std::vector<Leg> legs_;
    Leg* leader_ = nullptr;
    /// Condemned by the leader's chain, and gone from the leader: name → when it was condemned.
    std::map<ObjectName, Timestamp> collected_;
    std::set<ObjectName> done_;
    Deletions deletions_{legs_, options_.opened_epoch, report_.findings};
    bool agreed_ = true;    ///< every leg's newest collection is a step of the leader's chain
    ObjectName chain_end_;  ///< the one record of a collection that travels; empty: none
    std::optional<bool> at_work_;  ///< a session, somewhere; asked when it matters
};

/// Backups go on meanwhile. What rests on something else is listed before it: packs that a listed
/// snapshot needs are then in the listing, too, and travel before it.
Result<void> Syncer::look_at(Leg& leg) {
    for (char const* prefix : {"snapshot/", "index/", ""}) {
        auto const seen_before = [&](ObjectName const& name) {
            return *prefix == 0 && (name.starts_with("snapshot/") || name.starts_with("index/"));
        };
        PD_CHECK(leg.store->list(
            prefix,
            [&](store::ObjectInfo const& info) -> Result<void> {
                if (seen_before(info.name) || !store::is_own_name(info.name)) return {};
                leg.objects[info.name] = info.size_bytes;
                if (info.name.starts_with("snapshot/")) leg.snapshots[info.name] = info.modified;
                return {};
            },
            stop_));
    }
    PD_TRY(leg.newest, newest_collection(*leg.store, stop_));
    auto const repository = repository_at(*leg.store, stop_);
    if (!repository && repository.error().fault() == Fault::cancelled) return repository.error();
    if (repository) leg.repository = *repository;
    leg.open = true;
    return {};
}

/// The first one says which repository it is about.
void Syncer::leave_out_others() {
    std::optional<RepositoryId> ours;
    for (Leg& leg : legs_) {
        if (!leg.repository) continue;
        if (!ours) ours = leg.repository;
        if (leg.repository == ours) continue;
        leg.open = false;
        leg.objects.clear();
        leg.fail_with(fmt::format("it holds another repository ({}): nothing was copied there",
                                  to_hex(*leg.repository).substr(0, 12)));
    }
}

Result<void> Syncer::look() {
    for (Leg& leg : legs_) {
        auto const seen = look_at(leg);
        if (seen) continue;
        if (seen.error().fault() == Fault::cancelled) return seen;
        leg.note_failure(seen.error(), stop_);
    }
    leave_out_others();
    if (std::ranges::none_of(legs_, &Leg::open))
        return fail(Fault::unavailable, "no destination answers");
    choose_leader();
    return {};
}

std::vector<store::ObjectStore*> Syncer::homes() const {
    std::vector<store::ObjectStore*> homes;
    for (Leg const& leg : legs_) {
        if (leg.holds_keys) homes.push_back(leg.store);
    }
    return homes;
}

/// Among the legs that are open and hold this repository. False: nothing may travel.
Result<bool> Syncer::keyrings_are_one() {
    std::vector<store::ObjectStore*> homes;
    std::vector<Leg const*> legs;
    for (Leg const& leg : legs_) {
        if (!leg.open || !leg.holds_keys) continue;
        homes.push_back(leg.store);
        legs.push_back(&leg);
    }
    PD_TRY(auto const lineage, lineage_of(homes, stop_));
    // What is to be folded in is, before the sync that was tried out.
    if (!lineage.forked && (lineage.unfolded.empty() || options_.dry_run)) return true;
    std::uint64_t newest = 0;
    for (auto const& head : lineage.heads) newest = std::max(newest, head ? head->epoch : 0);
    auto const name = manifest_name(newest);
    std::string const what =
        lineage.forked ? "destinations were changed apart from each other: run `perdure key merge`"
                       : fmt::format(
                             "{} missed a change of keys and holds keys of people that the others "
                             "lack: run `perdure backup sync` with the repository's key",
                             legs[lineage.unfolded.front()]->report.destination);
    report_.findings.push_back({Finding::Kind::disagreement, name, what, false});
    for (Leg& leg : legs_) leg.fail_with(fmt::format("it disagrees about {}", name));
    return false;
}

Result<void> Syncer::travel_all() {
    PD_TRY(agreed_, chains_agree(legs_, *leader_, stop_));
    if (agreed_) chain_end_ = collection_name(leader_->newest.record.number);
    PD_CHECK(travel("collect/"));
    PD_CHECK(pass_over_busy());
    for (char const* prefix : travel_order) PD_CHECK(travel(prefix));
    PD_CHECK(travel(""));
    PD_CHECK(bury());
    return remove_collected();
}

void Syncer::choose_leader() {
    for (Leg& leg : legs_) {
        bool const newer =
            leader_ == nullptr || leg.newest.record.number > leader_->newest.record.number;
        if (leg.open && newer) leader_ = &leg;
    }
    for (auto const& pack : leader_->newest.record.packs) {
        if (!leader_->has(pack.name.text())) collected_.emplace(pack.name.text(), pack.when);
    }
    // Decided before anything travels: what is brought to the leader now was not its own before.
    for (Leg& leg : legs_) leg.has_own = leg.open && has_own(leg);
}

/// Whether a leg holds a snapshot or a pack that the leader never had, a snapshot that the leader
/// got too late, or one that a pin keeps although the leader deleted it.
bool Syncer::has_own(Leg const& leg) const {
    if (leg.is_ahead_of(*leader_, collected_)) return true;
    return std::ranges::any_of(leg.objects, [&](auto const& object) {
        ObjectName const& name = object.first;
        if (leg.has_live_snapshot(name) && !leader_->has_live_snapshot(name) &&
            deletions_.is_pinned(name)) {
            return true;
        }
        bool const known = leader_->has(name) || collected_.contains(name);
        return !known && (name.starts_with("pack/") || name.starts_with("snapshot/"));
    });
}

/// A session that is at work at a leg alone may build on what the leader deleted, and so may one
/// that ended since we looked (tests/simulation, seed 222454: its snapshot was not listed yet, its
/// lease no longer). Sessions that begin from here on know better: the records have arrived.
Result<void> Syncer::pass_over_busy() {
    bool given_up = options_.dry_run;
    for (Leg& leg : legs_) {
        bool const behind =
            std::ranges::any_of(collected_, [&](auto const& pack) { return leg.has(pack.first); });
        if (!leg.open || &leg == leader_ || !behind) continue;
        // What was killed here is fenced first: only then nobody has to wait for it.
        if (!std::exchange(given_up, true))
            PD_CHECK(give_up_ended(store_, options_.ended_here, stop_));
        auto busy = leg.is_busy(leader_->newest.record.number, options_.ended_here, stop_);
        if (busy && !*busy) busy = leg.has_grown(stop_);
        if (!busy && busy.error().fault() == Fault::cancelled) return busy.error();
        if (busy && !*busy) continue;
        leg.open = false;
        if (!busy) leg.note_failure(busy.error(), stop_);
        leg.fail_with(
            "a backup runs there, or has just ended, that may need what was deleted elsewhere: "
            "sync again when it has ended");
    }
    return {};
}

/// What the leader's collection deleted does not come back, unless its holder needs it.
bool Syncer::was_collected(ObjectName const& name, Leg const& holder) const {
    if (&holder == leader_ || holder.has_own) return false;
    if (name.starts_with("index/")) return !leader_->has(name);
    return collected_.contains(name);
}

std::set<ObjectName> Syncer::all_names(std::string const& prefix) const {
    std::set<ObjectName> names;
    for (Leg const& leg : legs_) {
        for (auto at = leg.objects.lower_bound(prefix);
             at != leg.objects.end() && at->first.starts_with(prefix); ++at) {
            if (!was_collected(at->first, leg)) names.insert(at->first);
        }
    }
    return names;
}

Result<void> Syncer::travel(std::string const& prefix) {
    if (options_.joins && prefix != "config" && prefix != "keyring/") return {};
    auto const names = all_names(prefix);
    std::uint64_t count = 0;
    for (ObjectName const& name : names) {
        if (!done_.insert(name).second) continue;
        if (name.starts_with("collect/") && name != chain_end_) continue;
        if (stop_.stop_requested()) return fail(Fault::cancelled, "stopped");
        PD_CHECK(form_of(name) == ObjectForm::triple ? agree(name) : spread(name));
        if (options_.progress.report) options_.progress.report(prefix, ++count, names.size());
    }
    return {};
}

/// Objects whose name settles their content, and plain texts: whoever lacks one gets it.
Result<void> Syncer::spread(ObjectName const& name) {
    if (form_of(name) == ObjectForm::transient) return {};
    auto const lacks = [&](Leg const& leg) {
        return leg.takes(name) && !leg.has(name) && !leg.has_dead(name);
    };
    if (std::ranges::none_of(legs_, lacks)) return {};
    PD_TRY(auto const found, find_proven(legs_, name, stop_));
    auto const& object = found.object;
    auto const holds = [&](Leg const& leg) { return leg.silent && leg.has(name); };
    bool const unread = !object && std::ranges::any_of(legs_, holds);
    bool const damaged = !object && !unread && !found.gone;
    for (Leg& leg : legs_) {
        if (!lacks(leg)) continue;
        if (object) PD_CHECK(copy(name, *object, leg, store::PutMode::if_absent));
        if (unread) leg.fail_with("where " + name + " is, nobody answers");
        if (damaged) leg.fail_with(name + " is damaged wherever it is");
        if (!object && found.gone && form_of(name) != ObjectForm::plain)
            leg.fail_with(name + " was replaced while it was to be copied: sync again");
    }
    if (damaged)
        report_.findings.push_back(
            {Finding::Kind::damaged, name, "no destination holds it whole", false});
    return {};
}

Result<void> Syncer::agree(ObjectName const& name) {
    std::vector<std::optional<Bytes>> bodies;
    std::vector<Leg*> damaged;
    for (Leg& leg : legs_) {
        bodies.emplace_back();
        if (leg.silent || !leg.has(name)) continue;
        auto object = read_proven(*leg.store, name, stop_);
        if (!object) {
            Fault const fault = object.error().fault();
            if (fault == Fault::cancelled) return object.error();
            if (fault != Fault::not_found) leg.note_failure(object.error(), stop_);
            continue;
        }
        bodies.back() = std::move(*object);
        if (!bodies.back()) damaged.push_back(&leg);
    }
    std::optional<Bytes> winner;
    if (!deletions_.is_deletion(name) || !is_undecided(name, bodies, damaged)) {
        PD_TRY(winner, settle(name, bodies));
    }
    for (Leg* leg : damaged) PD_CHECK(replace_damaged(name, winner, *leg));
    return {};
}

/// By what another leg has whole. The mark of a fence says nothing about what was here.
Result<void> Syncer::replace_damaged(ObjectName const& name, std::optional<Bytes> const& whole,
                                     Leg& leg) {
    bool proven = whole.has_value();
    if (whole && is_tombstone(*whole)) {
        PD_TRY(bool const refused, deletions_.is_refused(name, stop_));
        proven = deletions_.is_deletion(name) && !refused;
    }
    if (proven) {
        return copy(name, *whole, leg, store::PutMode::replace);
    }
    report_.findings.push_back(
        {Finding::Kind::damaged, name, "damaged at " + leg.report.destination, true});
    leg.fail_with(fmt::format("{} is damaged there: run `perdure repo repair`", name));
    return {};
}

/// Last: what can be restored at a leg stays until what replaces it has arrived.
Result<void> Syncer::bury() {
    for (Burial const& each : deletions_.due()) {
        if (!each.leg->report.problem.empty()) continue;
        if (each.name.starts_with("snapshot/")) ++each.leg->report.snapshots_removed;
        PD_CHECK(copy(each.name, each.tombstone, *each.leg, store::PutMode::replace));
    }
    deletions_.end();
    return {};
}

/// What all of them shall hold; empty when nobody can tell.
Result<std::optional<Bytes>> Syncer::settle(ObjectName const& name,
                                            std::vector<std::optional<Bytes>> const& bodies) {
    std::optional<Bytes> tombstone, body;
    bool forked = false;
    for (auto const& object : bodies) {
        if (!object) continue;
        bool const dead = is_tombstone(*object);
        if (!dead && body && *body != *object) forked = true;
        (dead ? tombstone : body) = *object;
    }
    if (tombstone && body && !deletions_.is_deletion(name)) forked = true;
    if (forked) {
        bool const keys = name.starts_with("keyring/");
        report_.findings.push_back(
            {Finding::Kind::disagreement, name,
             keys ? "destinations were changed apart from each other: run `perdure key merge`"
                  : "destinations hold different bodies under this name",
             false});
        for (Leg& leg : legs_) leg.fail_with(fmt::format("it disagrees about {}", name));
        return std::optional<Bytes>();
    }
    if (tombstone && body) {
        PD_TRY(bool const stays, deletions_.is_refused(name, stop_));
        if (stays) return std::optional<Bytes>();
    }
    auto const& winner = tombstone ? tombstone : body;
    if (!winner) return winner;
    for (std::size_t i = 0; i < legs_.size(); ++i) {
        Leg& leg = legs_[i];
        if (!leg.takes(name)) continue;
        bool const replaces = bodies[i] && tombstone && !is_tombstone(*bodies[i]);
        if (bodies[i] && !replaces) continue;
        if (!bodies[i] && leg.has(name)) continue;  // damaged there, see replace_damaged
        if (replaces) {
            deletions_.defer({name, *winner, &leg});
        } else {
            PD_CHECK(copy(name, *winner, leg, store::PutMode::if_absent));
        }
    }
    return winner;
}

Result<void> Syncer::copy(ObjectName const& name, ByteView object, Leg& to, store::PutMode mode) {
    // A snapshot may only follow once everything before it has arrived.
    if (name.starts_with("snapshot/") && !to.report.problem.empty() && !is_tombstone(object))
        return {};
    if (!options_.dry_run) {
        auto done = to.store->put(name, object, mode, stop_);
        if (done && name.starts_with("pack/"))
            done = store::check_kept(*to.store, name, object.size(), stop_);
        if (!done && done.error().fault() == Fault::cancelled) return done;
        if (!done && done.error().fault() != Fault::conflict) {
            to.note_failure(done.error(), stop_);
            return {};
        }
    }
    if (&to == leader_ && collected_.contains(name)) ++report_.packs_returned;
    ++to.report.objects_copied;
    to.report.bytes_copied += object.size();
    if (name.starts_with("snapshot/") && !is_tombstone(object)) ++to.report.snapshots_copied;
    return {};
}

Result<void> Syncer::remove_collected() {
    if (!agreed_ || options_.joins) return {};  // a session there may not know of it
    for (Leg& leg : legs_) {
        if (!leg.open || &leg == leader_ || leg.has_own || !leg.report.problem.empty()) continue;
        for (auto const& [name, size] : leg.objects) {
            if (done_.contains(name)) continue;  // it travelled: a snapshot elsewhere rests on it
            bool goes = collected_.contains(name);
            if (name.starts_with("index/") && !leader_->has(name)) {
                PD_TRY(goes, is_replaced(name));
            }
            if (goes) PD_CHECK(remove(name, leg));
        }
    }
    return {};
}

/// Whether the leader has a part of the index no more, or not yet: a session writes it at one leg
/// after the other, and the legs were listed at different moments. While one is at work all stay,
/// which costs some space until the next sync.
Result<bool> Syncer::is_replaced(ObjectName const& segment) {
    if (!at_work_) {
        PD_TRY(at_work_, sessions_at_work(store_, options_.ended_here, stop_));
    }
    if (*at_work_) return false;
    auto const there = leader_->store->head(segment, stop_);
    if (there) return false;
    if (there.error().fault() == Fault::cancelled) return there.error();
    bool const gone = there.error().fault() == Fault::not_found;
    if (!gone) leader_->note_failure(there.error(), stop_);
    return gone;
}

Result<void> Syncer::remove(ObjectName const& name, Leg& from) {
    if (!options_.dry_run) {
        auto const removed = from.store->remove(name, stop_);
        if (!removed && removed.error().fault() == Fault::cancelled) return removed;
        if (!removed) {
            from.fail_with(removed.error().message());
            return {};
        }
    }
    ++from.report.objects_removed;
    return {};
}

}  // namespace

Result<SyncReport> sync_legs(store::ObjectStore& store, SyncOptions const& options,
                             std::stop_token stop) {
    return Syncer(store, options, std::move(stop)).run();
}

}  // namespace perdure::repository
