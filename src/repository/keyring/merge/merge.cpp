// Two key homes with different manifests of one epoch cannot both be right, and neither can be
// thrown away: each may hold the only keys of people whom the other never met.
//
// 1. Each home is read alone, by the same secret: who may join must be able to open all of it.
// 2. Entries and tombstones are sets, so joining them is their union, tombstones winning; an epoch
//    above all of theirs makes every reader prefer the result, wherever it looks first.
// 3. What is above at one home and a fork at another is settled by the ordinary protocol
// afterwards:
//    copied to each home, opened there, and only then are the old manifests buried.
//
// Rejected: taking the longer history (the shorter may hold an erasure), and joining without being
// asked (a key that one side removed would come back).
#include "repository/keyring/merge/merge.h"

#include <algorithm>

#include "repository/keyring/draft.h"
#include "repository/keyring/homes.h"
#include "repository/lease.h"
#include "repository/triple.h"
#include "store/wrap/mirror.h"

namespace perdure::repository {

namespace {

struct Side {
    LoadKey key;
    LoadedPtr loaded;
};

Result<std::vector<Side>> read_sides(KeyringPlace const& place, KeySecret const& secret,
                                     std::stop_token const& stop) {
    std::vector<Side> sides;
    for (auto const& home : place.homes) {
        KeyringPlace alone = place;
        alone.homes = {home};
        Side side;
        side.key.secret = &secret;
        auto loaded = load_keyring({alone, side.key, nullptr}, stop);
        side.key.secret = nullptr;
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
    return sides;
}

bool agree(std::vector<Side> const& sides) {
    return std::ranges::all_of(sides, [&](Side const& side) {
        return side.loaded->manifest.hash == sides.front().loaded->manifest.hash;
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
/// again, and it is folded now. It goes from a home once the joined keyring stands there.
Result<void> bury_added(KeyringPlace const& place, std::vector<Side> const& sides,
                        std::uint64_t epoch, std::stop_token const& stop) {
    for (std::size_t i = 0; i < sides.size(); ++i) {
        KeyringPlace alone = place;
        alone.homes = {place.homes[i]};
        LoadKey key = sides[i].key;
        auto const there = load_keyring({alone, key, nullptr}, stop);
        if (!there || (*there)->epoch() < epoch) continue;
        PD_TRY(Timestamp const now, place.homes[i]->now(stop));
        for (Side const& side : sides) {
            for (auto const& [name, addition] : side.loaded->additions) {
                auto const stored = place.homes[i]->head(name, stop);
                if (!addition.set || !stored || stored->size_bytes == tombstone_object_bytes) {
                    continue;
                }
                PD_CHECK(put_triple(*place.homes[i], name, tombstone_body(now),
                                    store::PutMode::replace, stop));
            }
        }
    }
    return {};
}

}  // namespace

Result<MergeReport> merge_keyrings(MergeRequest const& request, ChangeOptions const& options,
                                   std::stop_token stop) {
    auto const& [place, secret, outside, dry_run] = request;
    PD_ASSERT(!place.homes.empty());
    PD_TRY(auto const sides, read_sides(place, secret, stop));
    MergeReport report;
    auto const& base = *sides.front().loaded;
    report.epoch = base.epoch();
    report.people = base.live();
    if (agree(sides)) return report;
    report.forked = true;
    tell_slots(sides, report);
    if (dry_run) return report;
    EpochPlan plan;
    plan.fresh_inbox = true;
    plan.fresh_shard_keys = true;
    for (std::size_t i = 1; i < sides.size(); ++i) plan.join.push_back(sides[i].loaded);
    PD_TRY(Draft const draft, make_draft(base, plan, outside));
    PD_CHECK(put_draft(*place.homes.front(), draft, stop));

    PD_TRY(auto const keyring, Keyring::open(place, secret, outside, stop));
    PD_TRY(report.change, keyring->settle(options, stop));
    PD_CHECK(bury_added(place, sides, draft.epoch, stop));
    report.epoch = keyring->epoch();
    report.people = keyring->subjects();
    for (auto const& handle : keyring->tombstones()) {
        bool const lived = std::ranges::any_of(
            sides, [&](Side const& side) { return side.loaded->find(handle) != nullptr; });
        report.erased += lived ? 1 : 0;
    }
    std::uint64_t of_base = 0;
    for (auto const& [handle, entry] : base.entries()) {
        of_base += keyring->state(handle) == HandleState::live ? 1 : 0;
    }
    report.joined = report.people - std::min(report.people, of_base);
    return report;
}

Result<MergeReport> merge_destinations(MergeDestinations const& request, std::stop_token stop) {
    auto const& store = request.store;
    auto const places = store::key_places(*store);
    if (!places.absent_homes.empty()) {
        return fail(Fault::unavailable,
                    "destination \"" + places.absent_homes.front() + "\" is away")
            .with_code(13)
            .with_fix(
                "keyrings are joined with all destinations there: plug it in, or take it "
                "out of the configuration");
    }
    auto const legs = store->legs();
    PD_ASSERT(!legs.empty() && !places.homes.empty());
    PD_TRY(KeyringPlace place, keyring_place(store, places.homes, request.cache_folder, stop));
    ChangeOptions options;
    options.sessions_settled = [&](std::uint64_t epoch, std::stop_token token) -> Result<bool> {
        for (store::ObjectStore* leg : legs) {
            PD_TRY(Timestamp const now, leg->now(token));
            PD_TRY(bool const settled, sessions_know_epoch(*leg, epoch, now, token));
            if (!settled) return false;
        }
        return true;
    };
    return merge_keyrings({place, request.secret, request.outside, request.dry_run}, options,
                          std::move(stop));
}

}  // namespace perdure::repository
