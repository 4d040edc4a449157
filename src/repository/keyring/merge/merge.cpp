// Two key homes with different manifests of one epoch cannot both be right, and neither can be
// thrown away: each may hold the only keys of people whom the other never met.
//
// 1. Each home is read alone, by the same secret: who may join must be able to open all of it.
// 2. Entries and tombstones are sets, so joining them is their union, tombstones winning; an epoch
//    above all of theirs makes every reader prefer the result, wherever it looks first.
// 3. What is above at one home and a fork at another is settled by the ordinary protocol
//    afterwards: copied to each home, opened there, and only then are the old manifests buried.
// 4. A home that one of the others comes after (lineage.h) only missed changes. It has no say about
//    slots; what sessions added there is folded in, since its own manifest alone opens it.
//
// Rejected: taking the longer history (the shorter may hold an erasure), and joining without being
// asked (a key that one side removed would come back).
#include "repository/keyring/merge/merge.h"

#include <algorithm>

#include "repository/keyring/draft.h"
#include "repository/keyring/homes.h"
#include "repository/keyring/merge/lineage.h"
#include "repository/lease.h"
#include "repository/triple.h"
#include "store/wrap/mirror.h"

namespace perdure::repository {

namespace {

struct Side {
    std::shared_ptr<store::ObjectStore> home;
    LoadKey key;
    LoadedPtr loaded;
};

/// Homes without any keyring (destinations that are new) are no sides.
Result<std::vector<Side>> read_sides(KeyringPlace const& place, KeySecret const& secret,
                                     std::stop_token const& stop) {
    std::vector<Side> sides;
    for (auto const& home : place.homes) {
        KeyringPlace alone = place;
        alone.homes = {home};
        Side side{home, {}, {}};
        side.key.secret = &secret;
        auto loaded = load_keyring({alone, side.key, nullptr}, stop);
        side.key.secret = nullptr;
        if (!loaded && loaded.error().fault() == Fault::not_found) continue;
        if (!loaded) return std::move(loaded).error().within("the keyring at " + home->describe());
        if ((*loaded)->damaged_above) {
            return fail(Fault::corrupt,
                        "the newest manifest at " + home->describe() + " is damaged")
                .with_code(14)
                .with_fix("perdure repo repair");
        }
        side.loaded = std::move(*loaded);
        sides.push_back(std::move(side));
    }
    if (sides.empty()) return fail(Fault::not_found, "there is no keyring here").with_code(10);
    return sides;
}

/// Those that were changed apart from each other first, then those that only lag behind.
struct Sides {
    std::vector<Side> newest, lagging;

    Loaded const& base() const { return *newest.front().loaded; }
};

Sides sorted(std::vector<Side> sides) {
    std::vector<KeyringHead> heads;
    for (Side const& side : sides) {
        heads.push_back(head_of(side.loaded->manifest.header, side.loaded->manifest.hash));
    }
    auto const newest = newest_of(heads);
    Sides out;
    for (std::size_t i = 0; i < sides.size(); ++i) {
        bool const leads = std::ranges::find(newest, i) != newest.end();
        (leads ? out.newest : out.lagging).push_back(std::move(sides[i]));
    }
    return out;
}

/// Whether the newest keyring lacks anything that a home which lags behind holds.
bool knows_all(Loaded const& newest, Loaded const& lagging) {
    bool const people = std::ranges::all_of(lagging.entries(), [&](auto const& each) {
        return newest.find(each.first) != nullptr || newest.tombstone(each.first) != nullptr;
    });
    bool const dead = std::ranges::all_of(lagging.tombstones(), [&](auto const& each) {
        return newest.tombstone(each.first) != nullptr;
    });
    return people && dead && std::ranges::all_of(lagging.writers(), [&](Writer const& writer) {
               return std::ranges::any_of(newest.writers(), [&](Writer const& each) {
                   return each.pair.open == writer.pair.open;
               });
           });
}

void tell_slots(std::vector<Side> const& sides, MergeReport& report) {
    std::vector<SlotInfo> all;
    for (Side const& side : sides) {
        for (Slot const& slot : side.loaded->manifest.header.slots) {
            if (std::ranges::find(all, slot.info.id, &SlotInfo::id) == all.end()) {
                all.push_back(slot.info);
            }
        }
    }
    for (SlotInfo const& slot : all) {
        bool const everywhere = std::ranges::all_of(sides, [&](Side const& side) {
            return std::ranges::any_of(side.loaded->manifest.header.slots,
                                       [&](Slot const& each) { return each.info.id == slot.id; });
        });
        if (!everywhere) report.left_out.push_back(slot);
    }
}

Result<void> put_draft(store::ObjectStore& home, Draft const& draft, std::stop_token const& stop) {
    auto const put = [&](store::ObjectName const& name, ByteView bytes) {
        return put_triple(home, name, bytes, store::PutMode::if_absent, stop);
    };
    for (DraftObject const& shard : draft.shards) {
        auto const done = put(shard.name, shard.bytes);
        if (!done && done.error().fault() != Fault::conflict) return done;
    }
    auto const done = put(manifest_name(draft.epoch), draft.manifest);
    if (done || done.error().fault() != Fault::conflict) return done;
    auto const there = read_manifest(home, draft.epoch, stop);
    if (there && there->bytes == draft.manifest) return {};
    return fail(Fault::conflict, "somebody else changes the keyring now").with_code(11);
}

/// What sessions added at one side was sealed to an inbox that only this side had: nobody opens it
/// again. Once it is folded it goes from a home where the joined keyring stands.
Result<void> bury_added(KeyringPlace const& place, Sides const& sides, std::uint64_t epoch,
                        std::stop_token const& stop) {
    for (auto const& home : place.homes) {
        KeyringPlace alone = place;
        alone.homes = {home};
        LoadKey key = sides.newest.front().key;
        auto const there = load_keyring({alone, key, nullptr}, stop);
        if (!there || (*there)->epoch() < epoch) continue;
        PD_TRY(Timestamp const now, home->now(stop));
        for (auto const* some : {&sides.newest, &sides.lagging}) {
            for (Side const& side : *some) {
                for (auto const& name : folded_into(**there, side.loaded->additions)) {
                    auto const stored = home->head(name, stop);
                    if (!stored || stored->size_bytes == tombstone_object_bytes) continue;
                    PD_CHECK(put_triple(*home, name, tombstone_body(now), store::PutMode::replace,
                                        stop));
                }
            }
        }
    }
    return {};
}

/// Puts the epoch above all sides, where there is anything to join. Its number, or the newest.
Result<std::uint64_t> join(Sides const& sides, Outside outside, std::stop_token const& stop) {
    EpochPlan plan;
    plan.fresh_inbox = true;
    plan.fresh_shard_keys = true;
    for (Side const& side : sides.newest) {
        if (side.loaded != sides.newest.front().loaded) plan.join.push_back(side.loaded);
    }
    for (Side const& side : sides.lagging) {
        bool const known = std::ranges::any_of(sides.newest, [&](Side const& newest) {
            return knows_all(*newest.loaded, *side.loaded);
        });
        if (!known) plan.fold.push_back(side.loaded);
    }
    if (plan.join.empty() && plan.fold.empty()) return sides.base().epoch();
    PD_TRY(Draft const draft, make_draft(sides.base(), plan, outside));
    // Where the newest keyring is: whoever changes it meanwhile is met there.
    PD_CHECK(put_draft(*sides.newest.front().home, draft, stop));
    return draft.epoch;
}

}  // namespace

Result<MergeReport> merge_keyrings(MergeRequest const& request, ChangeOptions const& options,
                                   std::stop_token stop) {
    auto const& [place, secret, outside, dry_run] = request;
    PD_ASSERT(!place.homes.empty());
    PD_TRY(auto read, read_sides(place, secret, stop));
    Sides const sides = sorted(std::move(read));
    MergeReport report;
    auto const& base = sides.base();
    report.epoch = base.epoch();
    report.people = base.live();
    report.forked = sides.newest.size() > 1;
    report.folded = std::ranges::any_of(sides.lagging, [&](Side const& side) {
        return side.loaded->manifest.hash != base.manifest.hash;
    });
    if (!report.forked && !report.folded) return report;
    tell_slots(sides.newest, report);
    if (dry_run) return report;
    PD_TRY(auto const epoch, join(sides, outside, stop));

    KeyringPlace there = place;
    auto const authority = std::ranges::find(there.homes, sides.newest.front().home);
    std::rotate(there.homes.begin(), authority, authority + 1);
    PD_TRY(auto const keyring, Keyring::open(there, secret, outside, stop));
    PD_TRY(report.change, keyring->settle(options, stop));
    PD_CHECK(bury_added(there, sides, epoch, stop));
    report.epoch = keyring->epoch();
    report.people = keyring->subjects();
    for (auto const& handle : keyring->tombstones()) {
        bool const lived = std::ranges::any_of(
            sides.newest, [&](Side const& side) { return side.loaded->find(handle) != nullptr; });
        report.erased += lived ? 1 : 0;
    }
    std::uint64_t of_base = 0;
    for (auto const& [handle, entry] : base.entries()) {
        of_base += keyring->state(handle) == HandleState::live ? 1 : 0;
    }
    report.joined = report.people - std::min(report.people, of_base);
    return report;
}

namespace {

Result<MergeReport> merge_at(MergeDestinations const& request,
                             std::vector<store::ObjectStore*> const& homes,
                             std::stop_token const& stop) {
    auto const& store = request.store;
    auto const legs = store->legs();
    PD_ASSERT(!legs.empty() && !homes.empty());
    PD_TRY(KeyringPlace place, keyring_place(store, homes, request.cache_folder, stop));
    auto const marks = marks_folder(request.cache_folder, place.repository);
    ChangeOptions options;
    options.sessions_settled = [&](std::uint64_t epoch, std::stop_token token) -> Result<bool> {
        for (store::ObjectStore* leg : legs) {
            PD_TRY(bool const settled, living_know_epoch(*store, *leg, epoch, marks, token));
            if (!settled) return false;
        }
        return true;
    };
    return merge_keyrings({place, request.secret, request.outside, request.dry_run}, options, stop);
}

/// The key homes, and what lies at places that were some.
std::vector<store::ObjectStore*> all_homes(store::ObjectStore& store) {
    auto const places = store::key_places(store);
    auto homes = places.homes;
    homes.insert(homes.end(), places.keyless.begin(), places.keyless.end());
    return homes;
}

}  // namespace

Result<MergeReport> merge_destinations(MergeDestinations const& request, std::stop_token stop) {
    auto const places = store::key_places(*request.store);
    if (!places.absent_homes.empty()) {
        return fail(Fault::unavailable,
                    "destination \"" + places.absent_homes.front() + "\" is away")
            .with_code(13)
            .with_fix(
                "keyrings are joined with all destinations there: plug it in, or take it "
                "out of the configuration");
    }
    return merge_at(request, places.homes, stop);
}

Result<bool> homes_are_to_be_folded(store::ObjectStore& store, std::stop_token stop) {
    PD_TRY(auto const lineage, lineage_of(all_homes(store), stop));
    return !lineage.forked && !lineage.unfolded.empty();
}

Result<MergeReport> fold_lagging_homes(MergeDestinations const& request, std::stop_token stop) {
    PD_TRY(bool const wanted, homes_are_to_be_folded(*request.store, stop));
    if (!wanted) return MergeReport{};
    PD_TRY(auto report, merge_at(request, all_homes(*request.store), stop));
    if (report.change.waits_for_sessions) {
        return fail(Fault::conflict, "a backup is running that knows the old keys alone")
            .with_code(11)
            .with_fix("sync again when it has ended");
    }
    return report;
}

}  // namespace perdure::repository
