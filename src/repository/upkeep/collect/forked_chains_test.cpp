// Two destinations that were collected apart from each other: each has a chain of its own, nothing
// that either needs is lost, and collecting goes on as soon as both are there.
#include <gmock/gmock.h>

#include "repository/lease.h"
#include "repository/triple.h"
#include "repository/upkeep/collect/collect.h"
#include "repository/upkeep/collect/collection.h"
#include "repository/upkeep/repair/sync.h"
#include "repository/upkeep/upkeep_world.h"
#include "repository/upkeep/verify/verify.h"
#include "store/wrap/mirror.h"

namespace perdure::repository {
namespace {

using ::testing::IsEmpty;
using testing::make_tree;
using testing::TreeModel;
using testing::UpkeepWorld;
using StorePtr = std::shared_ptr<store::ObjectStore>;

class ForkedChains : public ::testing::Test {
protected:
    ForkedChains() {
        a_ = world_.memory;
        b_ = std::make_shared<store::MemoryStore>(
            store::MemoryOptions{.clock = &world_.clock, .label = "b"});
        heal();
    }
    static constexpr std::chrono::seconds at_once{0};

    std::shared_ptr<store::MirrorStore> both() {
        return UpkeepWorld::must(
            store::MirrorStore::create({{"a", a_, std::nullopt}, {"b", b_, std::nullopt}}));
    }
    SyncReport heal() {
        world_.tick();
        auto report = UpkeepWorld::must(sync_legs(*both(), {}, {}));
        // As service::sync does, which has the keys: packs that came back are in no index.
        UpkeepWorld::must(world_.open(both())->index()->adopt_orphans(Index::Orphans::stored, {}));
        return report;
    }
    Snapshot backup(TreeModel& model, StorePtr where = nullptr) {
        auto const repository = world_.open(where ? where : both());
        return UpkeepWorld::must(world_.try_backup(*repository, model));
    }
    void remove(Snapshot const& snapshot, StorePtr where) {
        UpkeepWorld::must(world_.open(std::move(where))->remove_snapshot(snapshot.session, {}));
        world_.tick();
    }
    CollectReport collect_at(StorePtr where, std::chrono::seconds grace = at_once) {
        world_.tick();
        return UpkeepWorld::must(collect(*world_.open(std::move(where)), {.grace = grace}, {}));
    }
    std::set<std::string> names(StorePtr const& store, std::string const& prefix) {
        std::set<std::string> found;
        UpkeepWorld::must(store->list(prefix,
                                      [&](store::ObjectInfo const& info) {
                                          found.insert(info.name);
                                          return Result<void>();
                                      },
                                      {}));
        return found;
    }
    Bytes object(StorePtr const& store, std::string const& name) {
        return UpkeepWorld::must(store::read_all(*store, name, 1 << 24, {}));
    }
    void expect_whole_on_both(Snapshot const& snapshot, TreeModel const& model) {
        for (StorePtr const& leg : {a_, b_}) {
            EXPECT_TRUE(world_.restored(snapshot, leg) == UpkeepWorld::files_of(model))
                << leg->describe();
            EXPECT_TRUE(UpkeepWorld::must(verify(*world_.open(leg), {}, {})).passed());
        }
    }

    UpkeepWorld world_;
    StorePtr a_, b_;
};

TEST_F(ForkedChains, CollectedApartTheyAreOneAgainAfterASyncAndACollection) {
    TreeModel one = make_tree(1), two = make_tree(2), three = make_tree(3), four = make_tree(4);
    auto const first = backup(one), second = backup(two), third = backup(three);
    remove(first, a_);
    ASSERT_GT(collect_at(a_).packs_deleted, 0u);
    remove(second, b_);
    ASSERT_GT(collect_at(b_).packs_deleted, 0u);
    ASSERT_NE(object(a_, "collect/1"), object(b_, "collect/1"));

    auto const healed = heal();
    EXPECT_THAT(healed.findings, IsEmpty());
    for (auto const& leg : healed.legs) EXPECT_TRUE(leg.complete) << leg.problem;
    expect_whole_on_both(third, three);
    auto const fourth = backup(four);
    auto const joined = collect_at(both());
    EXPECT_EQ(joined.collection, 2u);
    EXPECT_EQ(object(a_, "collect/2"), object(b_, "collect/2"));
    heal();
    EXPECT_EQ(names(a_, "pack/"), names(b_, "pack/"));
    expect_whole_on_both(third, three);
    expect_whole_on_both(fourth, four);

    remove(third, both());
    auto const mirror = both();
    EXPECT_GT(collect_at(mirror).packs_deleted, 0u);
    for (auto const& leg : mirror->health()) EXPECT_FALSE(leg.degraded);
    heal();
    EXPECT_EQ(names(a_, "pack/"), names(b_, "pack/"));
    expect_whole_on_both(fourth, four);
    EXPECT_EQ(collect_at(both()).packs_deleted, 0u);
}

TEST_F(ForkedChains, ASessionBuildsOnNothingThatAnyDestinationCondemned) {
    TreeModel one = make_tree(1), two = make_tree(2);
    auto const first = backup(one);
    auto const second = backup(two);
    remove(first, b_);
    ASSERT_GT(collect_at(b_, std::chrono::hours(24)).packs_condemned, 0u);
    // B will delete these packs tomorrow; A knows nothing of it and shows them as good.
    auto const before = names(a_, "pack/d/");
    auto const repository = world_.open(both());
    auto session = UpkeepWorld::must(repository->begin({}));
    Snapshot again;
    UpkeepWorld::must(UpkeepWorld::fill(*session, one, nullptr, again));
    UpkeepWorld::must(session->context().blobs.finish({}));
    EXPECT_GT(names(a_, "pack/d/").size(), before.size());
    world_.tick(20 * 3600);
    collect_at(b_);
    auto const committed = UpkeepWorld::must(session->commit(std::move(again), {}));
    EXPECT_TRUE(world_.restored(committed, b_) == UpkeepWorld::files_of(one));
    heal();
    expect_whole_on_both(committed, one);
    expect_whole_on_both(second, two);
}

TEST_F(ForkedChains, ASessionAtOneDestinationHoldsUpACollectorOverBoth) {
    TreeModel one = make_tree(1), two = make_tree(2);
    auto const first = backup(one);
    backup(two);
    remove(first, both());
    auto const alone = world_.open(b_);
    auto session = UpkeepWorld::must(alone->begin({}));
    Snapshot again;
    UpkeepWorld::must(UpkeepWorld::fill(*session, one, nullptr, again));
    auto const report = collect_at(both());
    EXPECT_GT(report.packs_condemned, 0u);
    EXPECT_EQ(report.packs_deleted, 0u);
    EXPECT_EQ(report.waits_for.size(), 1u);
    auto const committed = UpkeepWorld::must(session->commit(std::move(again), {}));
    EXPECT_TRUE(world_.restored(committed, b_) == UpkeepWorld::files_of(one));
    heal();
    collect_at(both());
    collect_at(both());
    heal();
    expect_whole_on_both(committed, one);
}

TEST_F(ForkedChains, WhatOneDestinationAloneDeletedKeepsItsPacksAtTheOther) {
    TreeModel one = make_tree(1), two = make_tree(2);
    auto const first = backup(one), second = backup(two);
    remove(first, a_);  // b was away, and goes on offering it
    world_.tick();
    auto const refused = collect(*world_.open(both()), {.grace = at_once}, {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().fault(), Fault::conflict);
    EXPECT_EQ(refused.error().fix(), "run `perdure backup sync`");
    EXPECT_TRUE(world_.restored(first, b_) == UpkeepWorld::files_of(one));
    heal();
    EXPECT_GT(collect_at(both()).packs_deleted, 0u);
    expect_whole_on_both(second, two);
}

TEST_F(ForkedChains, ASyncTakesNothingFromUnderASession) {
    TreeModel one = make_tree(1), two = make_tree(2);
    auto const first = backup(one);
    backup(two);
    auto const alone = world_.open(b_);
    auto session = UpkeepWorld::must(alone->begin({}));
    Snapshot again;
    UpkeepWorld::must(UpkeepWorld::fill(*session, one, nullptr, again));
    remove(first, a_);
    ASSERT_GT(collect_at(a_).packs_deleted, 0u);
    heal();
    auto const committed = UpkeepWorld::must(session->commit(std::move(again), {}));
    EXPECT_TRUE(world_.restored(committed, b_) == UpkeepWorld::files_of(one));
    heal();
    expect_whole_on_both(committed, one);
}

TEST_F(ForkedChains, RecordsTravelAlongOneChainOnly) {
    TreeModel one = make_tree(1), two = make_tree(2), three = make_tree(3);
    auto const first = backup(one), second = backup(two);
    backup(three);
    remove(first, both());
    collect_at(both());
    remove(second, a_);
    collect_at(a_);
    heal();
    EXPECT_EQ(object(b_, "collect/2"), object(a_, "collect/2")) << "b had only missed a step";
    TreeModel four = make_tree(4), five = make_tree(5);
    auto const fourth = backup(four), fifth = backup(five);
    remove(fourth, b_);
    collect_at(b_);
    auto const own = object(b_, "collect/3");
    remove(fifth, a_);
    collect_at(a_);
    backup(one, a_);
    collect_at(a_);
    heal();
    EXPECT_EQ(object(b_, "collect/3"), own) << "what b condemned must not be forgotten";
    EXPECT_THAT(names(b_, "collect/4"), IsEmpty());
}

TEST_F(ForkedChains, WhatWasNotCondemnedAlikeIsCondemnedAnew) {
    auto const pack = [](unsigned char number) {
        PackName name{ObjectKind::data_pack, {}, {}};
        name.hash.bytes.fill(std::byte{number});
        return name;
    };
    auto const put = [&](StorePtr const& where, CollectionRecord const& record) {
        UpkeepWorld::must(put_collection(*where, record, {}));
    };
    put(a_, {.number = 1, .packs = {{pack(1), 1, {100, 0}}}});
    put(b_, {.number = 1, .packs = {{pack(1), 1, {100, 0}}}});
    EXPECT_FALSE(joined_collection(*both(), {})->differs);
    put(a_, {.number = 2, .packs = {{pack(1), 1, {100, 0}}, {pack(2), 2, {200, 0}}}});
    put(a_, {.number = 3, .packs = {{pack(1), 1, {100, 0}}, {pack(2), 2, {200, 0}}}});
    put(b_, {.number = 2, .packs = {{pack(1), 1, {100, 0}}, {pack(3), 2, {150, 0}}}});
    auto const joined = joined_collection(*both(), {});
    ASSERT_TRUE(joined);
    EXPECT_TRUE(joined->differs && joined->unreadable.empty());
    EXPECT_EQ(joined->seen, 3u);
    EXPECT_EQ(joined->avoided, 2u);
    ASSERT_EQ(joined->packs.size(), 3u);
    EXPECT_EQ(joined->packs[0].since, 1u);
    EXPECT_EQ(joined->packs[1].since, 4u);
    EXPECT_EQ(joined->packs[2].since, 4u);
    EXPECT_EQ(joined->packs[2].when, (Timestamp{150, 0}));
    auto const silent = std::make_shared<store::FaultStore>(
        b_, store::always(store::Operation::list, "", {.kind = store::Mishap::Kind::refuse}));
    auto const half = UpkeepWorld::must(
        store::MirrorStore::create({{"a", a_, std::nullopt}, {"b", silent, std::nullopt}}));
    EXPECT_EQ(joined_collection(*half, {})->avoided, 0u);
    EXPECT_EQ(joined_collection(*a_, {})->avoided, 3u);
    EXPECT_FALSE(joined_collection(*silent, {}));
}

}  // namespace
}  // namespace perdure::repository
