// The collector of the simulated world: the steps of repository/upkeep/collect/collect.cpp in their
// order, with toy packs and marks.
#include <algorithm>

#include "base/codec.h"
#include "repository/triple.h"
#include "tests/simulation/collection_world.h"

namespace perdure::simulation {

using namespace perdure::repository;

namespace {
// Longer than a listing may lag: a grace of nothing is safe only where listings are fresh.
constexpr std::chrono::seconds grace_of_all{300};
}  // namespace

Result<CollectionWorld::Blobs> CollectionWorld::mark(std::set<SessionId> const& unlisted) {
    std::set<store::ObjectName> names;
    PD_CHECK(store_.list("snapshot/",
                         [&](store::ObjectInfo const& info) -> Result<void> {
                             names.insert(info.name);
                             return {};
                         },
                         {}));
    for (SessionId const& session : unlisted) names.insert(snapshot_name(session));
    Blobs live;
    for (auto const& name : names) {
        PD_TRY(auto const body, get_triple(store_, name, 1 << 16, {}));
        if (is_tombstone(body.body)) continue;
        Decoder in(ByteView(body.body).subspan(64));
        while (!in.done()) live.insert(in.u32().value());
    }
    return live;
}

Result<Survey> CollectionWorld::survey(SessionId const& own) {
    SurveyOptions const options{
        .now = scheduler_.now(), .fence_silent = !broken_.no_fence, .own = own};
    return survey_sessions(store_, options, {});
}

/// What is needed of condemned packs alone is stored anew, in a session that never commits.
Result<void> CollectionWorld::rescue(Packs const& packs, Blobs const& live,
                                     CollectionRecord const& record, SessionId const& own) {
    Blobs kept;
    auto const is_condemned = [&](PackName const& name) {
        return std::ranges::any_of(record.packs,
                                   [&](CondemnedPack const& pack) { return pack.name == name; });
    };
    for (auto const& [name, blobs] : packs) {
        if (!is_condemned(name)) kept.insert(blobs.begin(), blobs.end());
    }
    Blobs needed;
    std::ranges::set_difference(live, kept, std::inserter(needed, needed.end()));
    if (needed.empty()) return {};
    PD_CHECK(put_lease(own, record.number, store::PutMode::if_absent));
    PD_CHECK(put_pack(own, needed));
    return {};
}

Result<CollectionRecord> CollectionWorld::condemn(Run const& run) {
    auto const& [newest, survey, packs, live, own, began] = run;
    std::set<PackName> condemned;
    for (auto const& pack : newest.record.packs) condemned.insert(pack.name);
    // Of duplicates the pack of the lowest name keeps the blob.
    std::map<std::uint32_t, PackName> keepers;
    for (auto const& [name, blobs] : packs) {
        if (condemned.contains(name)) continue;
        for (auto const blob : blobs) keepers.try_emplace(blob, name);
    }
    CollectionRecord next = newest.record;
    next.number = newest.seen + 1;
    for (auto const& [name, blobs] : packs) {
        if (condemned.contains(name) || !survey.ended.contains(name.session)) continue;
        bool const keeps = std::ranges::any_of(blobs, [&](auto const blob) {
            return live.contains(blob) && keepers.at(blob) == name;
        });
        // A pack that keeps little is given up as well, to be copied: that is compaction.
        bool const sparse = keeps && random_.chance(150);
        if (!keeps || sparse) next.packs.push_back({name, next.number, began});
    }
    if (next.packs.size() == newest.record.packs.size()) {
        PD_CHECK(rescue(packs, live, newest.record, own));
        return newest.record;
    }
    std::ranges::sort(next.packs, {}, &CondemnedPack::name);
    if (!broken_.condemn_before_copy) PD_CHECK(rescue(packs, live, next, own));
    PD_CHECK(put_collection(store_, next, {}));
    return next;
}

Result<void> CollectionWorld::sweep(CollectionRecord const& record, Run const& run) {
    auto const& [newest, survey, packs, live, own, began] = run;
    auto blocked_from = ~std::uint64_t{0};
    for (auto const& session : survey.living) {
        blocked_from = std::min(blocked_from, session.collection + 1);
    }
    if (broken_.ignore_leases) blocked_from = ~std::uint64_t{0};
    auto const grace = broken_.no_listing_lag ? std::chrono::seconds(0) : grace_of_all;
    std::set<PackName> condemned;
    for (auto const& pack : record.packs) condemned.insert(pack.name);
    for (auto const& pack : record.packs) {
        auto const at = packs.find(pack.name);
        if (at == packs.end() || pack.since >= blocked_from) continue;
        if (began - pack.when < grace) continue;
        bool safe = true;
        for (auto const blob : at->second) {
            if (!live.contains(blob)) continue;
            bool found = false;
            for (auto const& [name, blobs] : packs) {
                if (condemned.contains(name) || !blobs.contains(blob)) continue;
                found = found || store_.head(name.text(), {}).has_value();
            }
            safe = safe && found;
        }
        if (safe || broken_.condemn_before_copy) PD_CHECK(store_.remove(pack.name.text(), {}));
    }
    return {};
}

Result<void> CollectionWorld::collect() {
    auto const own = random_.draw<SessionId>();
    // Ages are reckoned from here: what this run condemns is not due in it, however long it takes.
    auto const began = scheduler_.now();
    PD_TRY(NewestCollection const newest, newest_collection(store_, {}));
    if (newest.seen != newest.record.number) return fail(Fault::corrupt, "unreadable chain");
    // A session that did not see the newest record put its lease before it: it must be listed now.
    outwait_listings();
    Blobs live;
    if (broken_.old_marks) {
        PD_TRY(live, mark({}));
    }
    PD_TRY(Survey const seen, survey(own));
    // A session that ended before the survey must be in the listing of snapshots, and its packs in
    // that of packs.
    outwait_listings();
    PD_TRY(Packs const packs, read_packs(store_));
    if (!broken_.old_marks) {
        PD_TRY(live, mark(seen.committed_unlisted));
    }
    Blobs stored;
    for (auto const& [name, blobs] : packs) stored.insert(blobs.begin(), blobs.end());
    if (!std::ranges::includes(stored, live))
        return fail(Fault::corrupt, "a needed blob is missing");
    PD_TRY(auto const record, condemn({newest, seen, packs, live, own, began}));
    PD_CHECK(sweep(record, {newest, seen, packs, live, own, began}));
    PD_CHECK(fence(store_, own, scheduler_.now(), {}));
    return store_.remove(lease_name(own), {});
}

void CollectionWorld::collect_often() {
    for (int i = 0; i < 4; ++i) {
        static_cast<void>(collect().has_value());
        scheduler_.sleep(
            std::chrono::seconds(random_.below(random_.chance(200) ? 40 * 3600 : 2000)));
    }
}

}  // namespace perdure::simulation
