#include "tests/simulation/forked_world.h"

#include <algorithm>

#include "base/codec.h"
#include "repository/triple.h"
#include "repository/upkeep/repair/sync.h"
#include "tests/simulation/blob_body.h"

namespace perdure::simulation {

using namespace perdure::repository;

namespace {

constexpr std::uint32_t universe = 6;  // different blobs in the world
constexpr std::uint64_t bytes_max = 1 << 16;
constexpr std::chrono::seconds grace{300};

Result<std::set<store::ObjectName>> names_below(store::ObjectStore& store, char const* prefix) {
    std::set<store::ObjectName> names;
    PD_CHECK(store.list(prefix,
                        [&](store::ObjectInfo const& info) -> Result<void> {
                            names.insert(info.name);
                            return {};
                        },
                        {}));
    return names;
}

/// Shows the authority alone, as if nobody thought of the other destinations.
class AuthorityOnly : public store::ObjectStore {
public:
    explicit AuthorityOnly(store::ObjectStore& store) : store_(store) {}
    Result<Bytes> read(store::ObjectName const& name, std::uint64_t offset_bytes,
                       std::uint64_t count_bytes, std::stop_token stop) override {
        return store_.read(name, offset_bytes, count_bytes, stop);
    }
    Result<void> put(store::ObjectName const& name, ByteView body, store::PutMode mode,
                     std::stop_token stop) override {
        return store_.put(name, body, mode, stop);
    }
    Result<store::ObjectInfo> head(store::ObjectName const& name, std::stop_token stop) override {
        return store_.head(name, stop);
    }
    Result<void> list(std::string const& prefix,
                      std::function<Result<void>(store::ObjectInfo const&)> each,
                      std::stop_token stop) override {
        return store_.list(prefix, std::move(each), stop);
    }
    Result<void> remove(store::ObjectName const& name, std::stop_token stop) override {
        return store_.remove(name, stop);
    }
    store::Capabilities capabilities() const override { return store_.capabilities(); }
    std::string describe() const override { return store_.describe(); }
    Result<Timestamp> now(std::stop_token stop) override { return store_.now(stop); }

private:
    store::ObjectStore& store_;
};

}  // namespace

ForkedWorld::ForkedWorld(std::uint64_t seed, BrokenForks broken)
    : random_(seed), broken_(broken), scheduler_(random_) {
    for (int i = 0; i < 2; ++i) {
        disks_[i] = std::make_shared<HostileStore>(scheduler_, random_, i == 0 ? "a" : "b");
        // Listings of the past are CollectionWorld's matter; here destinations go apart.
        disks_[i]->hostility.stale_listing = 0;
        disks_[i]->hostility.delayed = 2;
    }
}

/// The destinations a process has: both, or one that happens to be plugged in.
ForkedWorld::Mirror ForkedWorld::open(bool all) {
    std::size_t const only = random_.below(2);
    std::vector<store::MirrorLeg> legs;
    for (std::size_t i = 0; i < 2; ++i) {
        if (!all && i != only) continue;
        legs.push_back({i == 0 ? "a" : "b", std::make_shared<Retrying>(disks_[i]), std::nullopt});
    }
    return *store::MirrorStore::create(std::move(legs));
}

/// As a workspace opens a repository. Null: nothing answers.
ForkedWorld::Mirror ForkedWorld::reach(bool all) {
    auto mirror = open(all);
    if (mirror->legs().size() > 1 && !mirror->compare_legs({})) return nullptr;
    return mirror;
}

Result<JoinedCollection> ForkedWorld::chains(store::ObjectStore& store) {
    if (broken_.one_chain) {
        AuthorityOnly authority(store);
        return joined_collection(authority, {});
    }
    return joined_collection(store, {});
}

Result<void> ForkedWorld::put_pack(store::ObjectStore& store, SessionId const& session,
                                   Blobs const& blobs) {
    Bytes body = encode_blobs(blobs);
    random_.fill(ByteSpan(body).first(64));  // packs are sealed: equal contents, other bytes
    PackName const name{ObjectKind::data_pack, session, crypto::sha256(body)};
    return store.put(name.text(), body, store::PutMode::if_absent, {});
}

Result<ForkedWorld::Packs> ForkedWorld::read_packs(store::ObjectStore& store) {
    PD_TRY(auto const names, names_below(store, "pack/d/"));
    Packs packs;
    for (auto const& text : names) {
        auto const name = PackName::parse(text);
        auto const body = store::read_all(store, text, bytes_max, {});
        if (name && body) {
            packs.emplace(*name, decode_blobs(*body));
        } else if (!body && body.error().fault() != Fault::not_found) {
            return body.error();
        }
    }
    return packs;
}

Result<void> ForkedWorld::write_session(Mirror const& store) {
    auto const session = random_.draw<SessionId>();
    PD_TRY(Packs const packs, read_packs(*store));
    if (random_.chance(300)) scheduler_.sleep(std::chrono::seconds(random_.below(3000)));
    LeaseRecord lease;
    lease.session = session;
    PD_CHECK(
        put_triple(*store, lease_name(session), lease.encode(), store::PutMode::if_absent, {}));
    PD_TRY(auto const joined, chains(*store));
    std::set<crypto::Digest> avoid;
    for (auto const& pack : joined.packs) avoid.insert(pack.name.hash);
    lease.collection = joined.avoided;
    PD_CHECK(put_triple(*store, lease_name(session), lease.encode(), store::PutMode::replace, {}));
    Blobs known, wanted;
    for (auto const& [name, blobs] : packs) {
        if (!avoid.contains(name.hash)) known.insert(blobs.begin(), blobs.end());
    }
    for (auto rounds = 1 + random_.below(3); rounds > 0; --rounds) {
        Blobs fresh;
        for (auto some = 1 + random_.below(3); some > 0; --some) {
            auto const blob = static_cast<std::uint32_t>(random_.below(universe));
            wanted.insert(blob);
            if (known.insert(blob).second) fresh.insert(blob);
        }
        if (!fresh.empty()) PD_CHECK(put_pack(*store, session, fresh));
        if (random_.chance(400)) scheduler_.sleep(std::chrono::seconds(random_.below(4000)));
    }
    Bytes const body = encode_blobs(wanted);
    auto const put =
        put_triple(*store, snapshot_name(session), body, store::PutMode::if_absent, {});
    if (!put) {
        PD_TRY(auto const there, get_triple(*store, snapshot_name(session), bytes_max, {}));
        if (there.body != body) return fail(Fault::conflict, "fenced");
    }
    return store->remove(lease_name(session), {});
}

void ForkedWorld::remove_snapshot(store::ObjectStore& store) {
    auto const names = names_below(store, "snapshot/");
    if (!names || names->empty()) return;
    auto const name = std::next(names->begin(), static_cast<long>(random_.below(names->size())));
    static_cast<void>(
        put_triple(store, *name, tombstone_body(scheduler_.now()), store::PutMode::replace, {})
            .has_value());
}

void ForkedWorld::write_sessions() {
    for (auto runs = 1 + random_.below(3); runs > 0; --runs) {
        if (auto const store = reach(random_.chance(400))) {
            static_cast<void>(write_session(store).has_value());
            if (random_.chance(500)) remove_snapshot(*store);
        }
        scheduler_.sleep(std::chrono::seconds(random_.below(3000)));
    }
}

/// A snapshot that lies on one destination alone needs packs that nobody else knows of.
Result<void> ForkedWorld::stop_if_apart(store::ObjectStore& store) {
    std::set<store::ObjectName> all;
    for (store::ObjectStore* leg : store.legs()) {
        PD_TRY(auto names, names_below(*leg, "snapshot/"));
        all.merge(names);
    }
    PD_TRY(auto const seen, names_below(store, "snapshot/"));
    if (seen == all) return {};
    return fail(Fault::conflict, "a snapshot lies on one destination alone");
}

Result<ForkedWorld::Look> ForkedWorld::look(store::ObjectStore& store, SessionId const& own) {
    Look seen;
    if (!broken_.untold) {
        PD_TRY(seen.told, packs_condemned_by_leg(store, {}));
    }
    SurveyOptions const options{.now = scheduler_.now(), .own = own};
    if (broken_.own_leases) {
        AuthorityOnly authority(store);
        PD_TRY(seen.survey, survey_sessions(authority, options, {}));
    } else {
        PD_TRY(seen.survey, survey_sessions(store, options, {}));
    }
    PD_CHECK(stop_if_apart(store));
    PD_TRY(seen.packs, read_packs(store));
    PD_TRY(auto names, names_below(store, "snapshot/"));
    for (auto const& session : seen.survey.committed_unlisted) names.insert(snapshot_name(session));
    for (auto const& name : names) {
        PD_TRY(auto const body, get_triple(store, name, bytes_max, {}));
        if (!is_tombstone(body.body)) seen.live.merge(decode_blobs(body.body));
    }
    Blobs stored;
    for (auto const& [name, blobs] : seen.packs) stored.insert(blobs.begin(), blobs.end());
    if (std::ranges::includes(stored, seen.live)) return seen;
    return fail(Fault::corrupt, "a needed blob is missing");
}

Result<CollectionRecord> ForkedWorld::condemn(store::ObjectStore& store, Look const& seen,
                                              SessionId const& own) {
    PD_TRY(auto joined, chains(store));
    if (joined.silent || !joined.unreadable.empty()) return fail(Fault::unavailable, "a chain");
    CollectionRecord next{.number = joined.seen + 1, .packs = joined.packs};
    if (broken_.no_new_number) {
        for (auto& pack : next.packs) pack.since = std::min(pack.since, joined.avoided);
    }
    std::set<PackName> condemned;
    for (auto const& pack : joined.packs) condemned.insert(pack.name);
    std::map<std::uint32_t, PackName> keepers;
    for (auto const& [name, blobs] : seen.packs) {
        if (condemned.contains(name)) continue;
        for (auto const blob : blobs) keepers.try_emplace(blob, name);
    }
    bool fresh = false;
    for (auto const& [name, blobs] : seen.packs) {
        if (condemned.contains(name) || !seen.survey.ended.contains(name.session)) continue;
        bool const keeps = std::ranges::any_of(blobs, [&](auto const blob) {
            return seen.live.contains(blob) && keepers.at(blob) == name;
        });
        if (keeps && !random_.chance(150)) continue;
        next.packs.push_back({name, next.number, scheduler_.now()});
        condemned.insert(name);
        fresh = true;
    }
    Blobs kept, needed;
    for (auto const& [name, blobs] : seen.packs) {
        if (!condemned.contains(name)) kept.insert(blobs.begin(), blobs.end());
    }
    std::ranges::set_difference(seen.live, kept, std::inserter(needed, needed.end()));
    if (!needed.empty()) {
        LeaseRecord lease;
        lease.session = own;
        PD_CHECK(put_triple(store, lease_name(own), lease.encode(), store::PutMode::if_absent, {}));
        PD_CHECK(put_pack(store, own, needed));
    }
    std::ranges::sort(next.packs, {}, &CondemnedPack::name);
    if (fresh || joined.differs) PD_CHECK(put_collection(store, next, {}));
    return next;
}

Result<void> ForkedWorld::sweep(store::MirrorStore& store, Look const& seen,
                                CollectionRecord const& record) {
    auto blocked_from = ~std::uint64_t{0};
    for (auto const& session : seen.survey.living)
        blocked_from = std::min(blocked_from, session.collection + 1);
    std::set<PackName> condemned;
    for (auto const& pack : record.packs) condemned.insert(pack.name);
    auto const held_at = [&](store::ObjectStore& leg, std::uint32_t blob) {
        return std::ranges::any_of(seen.packs, [&](auto const& pack) {
            return pack.second.contains(blob) && !condemned.contains(pack.first) &&
                   leg.head(pack.first.text(), {}).has_value();
        });
    };
    for (auto const& pack : record.packs) {
        auto const at = seen.packs.find(pack.name);
        if (at == seen.packs.end() || pack.since >= blocked_from) continue;
        if (scheduler_.now() - pack.when < grace) continue;
        auto const legs = store.legs();
        for (std::size_t number = 0; number < legs.size(); ++number) {
            store::ObjectStore* const leg = legs[number];
            if (!broken_.untold && !seen.told[number].contains(pack.name)) continue;
            bool const safe = std::ranges::all_of(at->second, [&](auto const blob) {
                return !seen.live.contains(blob) || held_at(*leg, blob);
            });
            if (safe) PD_CHECK(leg->remove(pack.name.text(), {}));
        }
    }
    return {};
}

Result<void> ForkedWorld::collect(Mirror const& store) {
    auto const own = random_.draw<SessionId>();
    PD_TRY(Look const before, look(*store, own));
    PD_TRY(auto const record, condemn(*store, before, own));
    if (random_.chance(300)) scheduler_.sleep(std::chrono::seconds(random_.below(2000)));
    PD_TRY(Look const after, look(*store, own));
    PD_CHECK(sweep(*store, after, record));
    PD_CHECK(fence(*store, own, scheduler_.now(), {}));
    return store->remove(lease_name(own), {});
}

void ForkedWorld::collect_often() {
    for (int i = 0; i < 4; ++i) {
        if (auto const store = reach(random_.chance(400)))
            static_cast<void>(collect(store).has_value());
        scheduler_.sleep(
            std::chrono::seconds(random_.below(random_.chance(100) ? 40 * 3600 : 2000)));
    }
}

void ForkedWorld::sync_often() {
    for (int i = 0; i < 2; ++i) {
        scheduler_.sleep(std::chrono::seconds(random_.below(8000)));
        static_cast<void>(sync_legs(*open(true), {}, {}).has_value());
    }
}

std::string ForkedWorld::run() {
    auto const writers = 1 + random_.below(3);
    for (std::uint64_t i = 0; i < writers; ++i) scheduler_.spawn([this] { write_sessions(); });
    auto const collectors = 1 + random_.below(2);
    for (std::uint64_t i = 0; i < collectors; ++i) scheduler_.spawn([this] { collect_often(); });
    scheduler_.spawn([this] { sync_often(); });
    scheduler_.run();
    judge();
    return complaint_;
}

}  // namespace perdure::simulation
