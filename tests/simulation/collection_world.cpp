#include "tests/simulation/collection_world.h"

#include <algorithm>

#include "base/codec.h"
#include "repository/triple.h"
#include "tests/simulation/blob_body.h"

namespace perdure::simulation {

using namespace perdure::repository;

namespace {

constexpr std::uint32_t universe = 8;  // different blobs in the world
constexpr std::uint64_t bytes_max = 1 << 16;

}  // namespace

CollectionWorld::CollectionWorld(std::uint64_t seed, BrokenCollection broken)
    : random_(seed),
      broken_(broken),
      scheduler_(random_),
      disk_(std::make_shared<HostileStore>(scheduler_, random_, "disk")),
      store_(disk_) {
    disk_->broken = broken.store;
    disk_->hostility.stale_listing = broken.stale_listing;
}

void CollectionWorld::outwait_listings() {
    if (!broken_.no_listing_lag) scheduler_.sleep(disk_->hostility.listing_lag);
}

Result<void> CollectionWorld::put_lease(SessionId const& session, std::uint64_t collection,
                                        store::PutMode mode) {
    LeaseRecord record;
    record.session = session;
    record.collection = collection;
    return put_triple(store_, lease_name(session), record.encode(), mode, {});
}

/// The condemned packs that this session must not build on.
Result<std::set<crypto::Digest>> CollectionWorld::take_lease(SessionId const& session) {
    if (!broken_.condemned_before_lease) {
        PD_CHECK(put_lease(session, 0, store::PutMode::if_absent));
    }
    PD_TRY(NewestCollection const newest, newest_collection(store_, {}));
    std::set<crypto::Digest> avoid;
    for (auto const& pack : newest.record.packs) avoid.insert(pack.name.hash);
    if (broken_.condemned_before_lease) {
        PD_TRY(NewestCollection const later, newest_collection(store_, {}));
        PD_CHECK(put_lease(session, later.record.number, store::PutMode::if_absent));
    } else {
        PD_CHECK(put_lease(session, newest.record.number, store::PutMode::replace));
    }
    if (broken_.writer_uses_condemned) avoid.clear();
    return avoid;
}

Result<PackName> CollectionWorld::put_pack(SessionId const& session, Blobs const& blobs) {
    Bytes body = encode_blobs(blobs);
    random_.fill(ByteSpan(body).first(64));  // packs are sealed: equal contents, other bytes
    PackName const name{ObjectKind::data_pack, session, crypto::sha256(body)};
    auto const put = store_.put(name.text(), body, store::PutMode::if_absent, {});
    if (!put && put.error().fault() != Fault::conflict) return put.error();
    return name;
}

Result<CollectionWorld::Packs> CollectionWorld::read_packs(store::ObjectStore& store) {
    std::vector<PackName> names;
    PD_CHECK(store.list("pack/d/",
                        [&](store::ObjectInfo const& info) -> Result<void> {
                            if (auto const name = PackName::parse(info.name))
                                names.push_back(*name);
                            return {};
                        },
                        {}));
    Packs packs;
    for (PackName const& name : names) {
        auto const body = store::read_all(store, name.text(), bytes_max, {});
        if (body) {
            packs.emplace(name, decode_blobs(*body));
        } else if (body.error().fault() != Fault::not_found) {
            return body.error();
        }
    }
    return packs;
}

Result<void> CollectionWorld::commit(SessionId const& session, Blobs const& blobs) {
    auto const mode = broken_.commit_replaces ? store::PutMode::replace : store::PutMode::if_absent;
    Bytes const body = encode_blobs(blobs);
    auto const put = put_triple(store_, snapshot_name(session), body, mode, {});
    if (put) return {};
    PD_TRY(auto const there, get_triple(store_, snapshot_name(session), bytes_max, {}));
    if (there.body == body) return {};
    return fail(Fault::conflict, "fenced");
}

Result<void> CollectionWorld::write_session(SessionId const& session) {
    // The index is read when the repository is opened, perhaps long before the session begins.
    PD_TRY(Packs const packs, read_packs(store_));
    if (random_.chance(300)) scheduler_.sleep(std::chrono::seconds(random_.below(3000)));
    PD_TRY(auto const avoid, take_lease(session));
    Blobs known;
    for (auto const& [name, blobs] : packs) {
        if (!avoid.contains(name.hash)) known.insert(blobs.begin(), blobs.end());
    }
    Blobs wanted;
    for (auto rounds = 1 + random_.below(3); rounds > 0; --rounds) {
        Blobs fresh;
        for (auto some = 1 + random_.below(3); some > 0; --some) {
            auto const blob = static_cast<std::uint32_t>(random_.below(universe));
            wanted.insert(blob);
            if (!known.contains(blob)) fresh.insert(blob);
        }
        if (!fresh.empty()) PD_CHECK(put_pack(session, fresh));
        known.insert(fresh.begin(), fresh.end());
        if (random_.chance(300)) scheduler_.sleep(std::chrono::seconds(random_.below(3000)));
        if (random_.chance(30)) scheduler_.sleep(std::chrono::hours(30));
    }
    PD_CHECK(commit(session, wanted));
    return store_.remove(lease_name(session), {});
}

void CollectionWorld::write_sessions() {
    for (auto runs = 1 + random_.below(3); runs > 0; --runs) {
        static_cast<void>(write_session(random_.draw<SessionId>()).has_value());
        if (random_.chance(400)) remove_snapshot();
        scheduler_.sleep(std::chrono::seconds(random_.below(3000)));
    }
}

void CollectionWorld::remove_snapshot() {
    std::vector<store::ObjectName> names;
    static_cast<void>(store_
                          .list("snapshot/",
                                [&](store::ObjectInfo const& info) -> Result<void> {
                                    names.push_back(info.name);
                                    return {};
                                },
                                {})
                          .has_value());
    if (names.empty()) return;
    auto const& name = names[random_.below(names.size())];
    static_cast<void>(
        put_triple(store_, name, tombstone_body(scheduler_.now()), store::PutMode::replace, {})
            .has_value());
}

std::string CollectionWorld::run() {
    auto const writers = 1 + random_.below(3);
    for (std::uint64_t i = 0; i < writers; ++i) scheduler_.spawn([this] { write_sessions(); });
    auto const collectors = 1 + random_.below(2);
    for (std::uint64_t i = 0; i < collectors; ++i) scheduler_.spawn([this] { collect_often(); });
    scheduler_.run();
    judge();
    return complaint_;
}

void CollectionWorld::judge_snapshots(std::string_view when) {
    Blobs stored;
    for (auto const& [name, body] : disk_->contents("pack/d/")) {
        auto const blobs = decode_blobs(body);
        stored.insert(blobs.begin(), blobs.end());
    }
    for (auto const& [name, object] : disk_->contents("snapshot/")) {
        auto const body = read_triple(object, bytes_max);
        if (!body || is_tombstone(body->body)) continue;
        for (auto const blob : decode_blobs(body->body)) {
            if (!stored.contains(blob)) {
                complain("a blob of committed " + name + " is lost " + std::string(when));
            }
        }
    }
}

/// Safe at once, and tidy after some undisturbed collections.
void CollectionWorld::judge() {
    disk_->calm();
    judge_snapshots("in the end");
    for (int i = 0; i < 4; ++i) {
        scheduler_.sleep(std::chrono::hours(25));
        auto const done = collect();
        if (!done) complain("collecting in peace fails: " + done.error().message());
    }
    judge_snapshots("after collecting in peace");
    auto const live = mark({});
    auto const packs = read_packs(store_);
    if (!live || !packs) return complain("nothing can be read");
    for (auto const& [name, blobs] : *packs) {
        bool const needed =
            std::ranges::any_of(blobs, [&](auto const blob) { return live->contains(blob); });
        if (!needed) complain("a pack that nobody needs is never freed");
    }
}

}  // namespace perdure::simulation
