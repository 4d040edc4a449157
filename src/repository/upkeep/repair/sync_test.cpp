#include "repository/upkeep/repair/sync.h"

#include <gmock/gmock.h>

#include "repository/lease.h"
#include "repository/pins.h"
#include "repository/triple.h"
#include "repository/upkeep/collect/collect.h"
#include "repository/upkeep/repair/proven_object.h"
#include "repository/upkeep/repair/repair.h"
#include "repository/upkeep/statistics.h"
#include "repository/upkeep/upkeep_world.h"
#include "repository/upkeep/verify/verify.h"
#include "store/wrap/forward.h"
#include "store/wrap/mirror.h"

namespace perdure::repository {
namespace {

using ::testing::IsEmpty;
using testing::make_tree;
using testing::TreeModel;
using testing::UpkeepWorld;

class SyncTest : public ::testing::Test {
protected:
    SyncTest() {
        two_ = std::make_shared<store::MemoryStore>(
            store::MemoryOptions{.clock = &world_.clock, .label = "two"});
        faulty_ = std::make_shared<store::FaultStore>(two_);
        make_mirror();
        heal();
    }
    void make_mirror() {
        mirror_ = UpkeepWorld::must(store::MirrorStore::create(
            {{"one", world_.memory, std::nullopt}, {"two", faulty_, std::nullopt}}));
    }
    SyncReport heal(bool dry_run = false) {
        world_.tick();
        return UpkeepWorld::must(sync_legs(*mirror_, {.dry_run = dry_run}, {}));
    }
    void take_two_away() {
        faulty_->set_script([](store::Operation, std::string const&, std::uint64_t) {
            return store::Mishap{.kind = store::Mishap::Kind::refuse};
        });
    }
    void bring_two_back() {
        faulty_->set_script(nullptr);
        make_mirror();
    }
    Snapshot backup(TreeModel& model) {
        return UpkeepWorld::must(world_.try_backup(*world_.open(mirror_), model));
    }
    void expect_whole_on_both(Snapshot const& snapshot, TreeModel const& model) {
        for (std::shared_ptr<store::ObjectStore> leg :
             {std::static_pointer_cast<store::ObjectStore>(world_.memory),
              std::static_pointer_cast<store::ObjectStore>(two_)}) {
            EXPECT_TRUE(world_.restored(snapshot, leg) == UpkeepWorld::files_of(model));
            EXPECT_TRUE(UpkeepWorld::must(verify(*world_.open(leg), {}, {})).passed());
        }
    }
    void expect_whole_at_one(Snapshot const& snapshot, TreeModel const& model) {
        EXPECT_TRUE(world_.restored(snapshot, world_.memory) == UpkeepWorld::files_of(model));
    }
    UpkeepWorld world_;
    std::shared_ptr<store::MemoryStore> two_;
    std::shared_ptr<store::FaultStore> faulty_;
    std::shared_ptr<store::MirrorStore> mirror_;
};

TEST_F(SyncTest, ADestinationThatWasAwayCatchesUp) {
    TreeModel one = make_tree(1), two = make_tree(2);
    auto const first = backup(one);
    take_two_away();
    auto const second = backup(two);
    EXPECT_FALSE(two_->head(snapshot_name(second.session), {}));
    bring_two_back();
    auto const dry = heal(true);
    EXPECT_GT(dry.legs.at(1).objects_copied, 3u);
    EXPECT_FALSE(two_->head(snapshot_name(second.session), {}));
    auto const report = heal();
    EXPECT_EQ(report.legs.at(1).snapshots_copied, 1u);
    EXPECT_EQ(report.legs.at(1).objects_copied, dry.legs.at(1).objects_copied);
    EXPECT_TRUE(report.legs.at(0).complete && report.legs.at(1).complete);
    EXPECT_THAT(report.findings, IsEmpty());
    expect_whole_on_both(first, one);
    expect_whole_on_both(second, two);
    EXPECT_EQ(heal().legs.at(1).objects_copied, 0u);
}

TEST_F(SyncTest, ADestinationThatOnlySaysThatItKeepsAPackGetsNoSnapshot) {
    TreeModel model = make_tree(1);
    take_two_away();
    auto const snapshot = backup(model);
    bring_two_back();
    faulty_->set_script(store::always(store::Operation::put, "pack/d/",
                                      {.kind = store::Mishap::Kind::truncate, .amount = 100}));
    auto const report = heal();
    EXPECT_FALSE(report.legs.at(1).complete);
    EXPECT_FALSE(two_->head(snapshot_name(snapshot.session), {}));
    expect_whole_at_one(snapshot, model);
}

/// Lets something happen once after a listing of this prefix.
class BetweenListings final : public store::ForwardingStore {
public:
    BetweenListings(std::shared_ptr<store::ObjectStore> inner, std::string prefix,
                    std::function<void()> meanwhile)
        : ForwardingStore(std::move(inner)),
          prefix_(std::move(prefix)),
          meanwhile_(std::move(meanwhile)) {}
    Result<void> list(std::string const& prefix,
                      std::function<Result<void>(store::ObjectInfo const&)> each,
                      std::stop_token stop) override {
        auto const listed = inner().list(prefix, std::move(each), std::move(stop));
        if (prefix == prefix_ && meanwhile_) std::exchange(meanwhile_, nullptr)();
        return listed;
    }

private:
    std::string prefix_;
    std::function<void()> meanwhile_;
};

/// A listing takes time: this one lets something happen after it told the packs, which it reads
/// before the snapshots, as a file system may, or after it told all.
class SlowListing final : public store::ForwardingStore {
public:
    enum class When { half_way, at_the_end };
    SlowListing(std::shared_ptr<store::ObjectStore> inner, When when,
                std::function<void()> meanwhile)
        : ForwardingStore(std::move(inner)), when_(when), meanwhile_(std::move(meanwhile)) {}
    Result<void> list(std::string const& prefix,
                      std::function<Result<void>(store::ObjectInfo const&)> each,
                      std::stop_token stop) override {
        auto const half = [&](bool snapshots) {
            return inner().list(
                prefix,
                [&](store::ObjectInfo const& info) -> Result<void> {
                    if (info.name.starts_with("snapshot/") != snapshots) return {};
                    return each(info);
                },
                stop);
        };
        PD_CHECK(half(false));
        if (prefix.empty() && when_ == When::half_way) let_it_happen();
        PD_CHECK(half(true));
        if (prefix.empty()) let_it_happen();
        return {};
    }

private:
    void let_it_happen() {
        if (meanwhile_) std::exchange(meanwhile_, nullptr)();
    }
    When when_;
    std::function<void()> meanwhile_;
};

TEST_F(SyncTest, ABackupThatCommitsWhileASyncLooksAroundTravelsWholeOrNotAtAll) {
    TreeModel before = make_tree(1), meanwhile = make_tree(2);
    take_two_away();
    backup(before);
    bring_two_back();
    std::optional<Snapshot> committed;
    auto const slow = std::make_shared<SlowListing>(
        world_.memory, SlowListing::When::half_way,
        [&] { committed = UpkeepWorld::must(world_.try_backup(*world_.open(), meanwhile)); });
    mirror_ = UpkeepWorld::must(
        store::MirrorStore::create({{"one", slow, std::nullopt}, {"two", faulty_, std::nullopt}}));
    heal();
    ASSERT_TRUE(committed);
    EXPECT_TRUE(UpkeepWorld::must(verify(*world_.open(two_), {}, {})).passed());
    if (two_->head(snapshot_name(committed->session), {})) {
        EXPECT_TRUE(world_.restored(*committed, two_) == UpkeepWorld::files_of(meanwhile));
    }
    heal();
    expect_whole_on_both(*committed, meanwhile);
}

TEST_F(SyncTest, WhatABackupWritesMeanwhileIsNotTakenFromWhereItIsListedAlready) {
    TreeModel one = make_tree(1);
    backup(one);
    for (bool ended : {false, true}) {
        TreeModel model = make_tree(ended ? 3 : 2);
        auto const at_both = world_.open(mirror_);
        auto session = UpkeepWorld::must(at_both->begin({}));
        Snapshot again;
        std::optional<Snapshot> committed;
        UpkeepWorld::must(UpkeepWorld::fill(*session, model, nullptr, again));
        auto const commit = [&] {
            committed = UpkeepWorld::must(session->commit(std::move(again), {}));
        };
        // After the first destination told its index, and before the second one tells its own.
        auto const first = std::make_shared<BetweenListings>(world_.memory, "index/", [&] {
            if (ended) return commit();
            UpkeepWorld::must(session->context().blobs.finish({}));
        });
        auto const both = UpkeepWorld::must(store::MirrorStore::create(
            {{"one", first, std::nullopt}, {"two", two_, std::nullopt}}));
        world_.tick();
        auto const report = UpkeepWorld::must(sync_legs(*both, {}, {}));
        EXPECT_TRUE(report.legs.at(0).complete && report.legs.at(1).complete);
        EXPECT_EQ(report.legs.at(1).objects_removed, 0u) << ended;
        EXPECT_EQ(UpkeepWorld::names_in(*two_, "index/"),
                  UpkeepWorld::names_in(*world_.memory, "index/"));
        if (!ended) commit();
        expect_whole_on_both(*committed, model);
    }
}

TEST_F(SyncTest, WhatIsReplacedWhileItIsToBeCopiedIsNoDamage) {
    TreeModel one = make_tree(1);
    take_two_away();
    auto const snapshot = backup(one);
    bring_two_back();
    auto const segment = *UpkeepWorld::names_in(*world_.memory, "index/").begin();
    auto const first = std::make_shared<BetweenListings>(world_.memory, "", [&] {
        UpkeepWorld::must(world_.open()->index()->rebuild(nullptr, {}));
        ASSERT_FALSE(world_.memory->head(segment, {}));
    });
    auto const both = UpkeepWorld::must(
        store::MirrorStore::create({{"one", first, std::nullopt}, {"two", two_, std::nullopt}}));
    auto const report = UpkeepWorld::must(sync_legs(*both, {}, {}));
    EXPECT_THAT(report.findings, IsEmpty());
    EXPECT_FALSE(report.legs.at(1).complete);
    EXPECT_THAT(report.legs.at(1).problem, ::testing::HasSubstr("sync again"));
    EXPECT_TRUE(heal().legs.at(1).complete);
    expect_whole_on_both(snapshot, one);
}

TEST_F(SyncTest, ABackupThatEndsOnceASyncHasLookedKeepsWhatItRestsOn) {
    TreeModel one = make_tree(1), two = make_tree(2);
    auto const first = backup(one);
    backup(two);
    UpkeepWorld::must(world_.open()->remove_snapshot(first.session, {}));
    world_.tick();
    auto const collected =
        UpkeepWorld::must(collect(*world_.open(), {.grace = std::chrono::seconds(0)}, {}));
    ASSERT_GT(collected.packs_deleted, 0u);
    std::optional<Snapshot> committed;
    auto const slow = std::make_shared<SlowListing>(two_, SlowListing::When::at_the_end, [&] {
        committed = UpkeepWorld::must(world_.try_backup(*world_.open(two_), one));
    });
    mirror_ = UpkeepWorld::must(store::MirrorStore::create(
        {{"one", world_.memory, std::nullopt}, {"two", slow, std::nullopt}}));
    auto const report = heal();
    ASSERT_TRUE(committed);
    EXPECT_FALSE(report.legs.at(1).complete);
    EXPECT_EQ(report.legs.at(1).objects_removed, 0u);
    EXPECT_TRUE(world_.restored(*committed, two_) == UpkeepWorld::files_of(one));
    heal();
    // What collected it wrote an index without those packs, which is everybody's now.
    UpkeepWorld::must(repair(*world_.open(mirror_), {}, {}));
    expect_whole_on_both(*committed, one);
}

TEST_F(SyncTest, ABrokenOffSyncShowsNoSnapshotThatItCannotRestore) {
    TreeModel one = make_tree(1);
    take_two_away();
    auto const snapshot = backup(one);
    for (std::uint64_t puts = 1; puts < 30; ++puts) {
        bring_two_back();
        std::uint64_t count = 0;
        faulty_->set_script(
            [&](store::Operation operation, std::string const&, std::uint64_t) -> store::Mishap {
                if (operation != store::Operation::put || ++count < puts) return {};
                return {.kind = store::Mishap::Kind::refuse};
            });
        auto const report = heal();
        if (two_->head(snapshot_name(snapshot.session), {})) {
            EXPECT_TRUE(world_.restored(snapshot, two_) == UpkeepWorld::files_of(one));
            EXPECT_TRUE(report.legs.at(1).complete);
            return;
        }
        EXPECT_FALSE(report.legs.at(1).complete);
        EXPECT_FALSE(report.legs.at(1).problem.empty());
    }
    FAIL() << "never complete";
}

TEST_F(SyncTest, DeletionsTravelAndCollectedPacksGo) {
    TreeModel one = make_tree(1), two = make_tree(2);
    auto const first = backup(one);
    auto const second = backup(two);
    take_two_away();
    auto repository = world_.open(mirror_);
    world_.tick();
    UpkeepWorld::must(repository->remove_snapshot(first.session, {}));
    world_.tick();
    auto const collected = UpkeepWorld::must(
        collect(*world_.open(world_.memory), {.grace = std::chrono::seconds(0)}, {}));
    ASSERT_GT(collected.packs_deleted, 0u);
    bring_two_back();
    auto const report = heal();
    EXPECT_EQ(report.legs.at(1).snapshots_removed, 1u);
    EXPECT_GE(report.legs.at(1).objects_removed, collected.packs_deleted);
    EXPECT_EQ(UpkeepWorld::names_in(*two_, "pack/"),
              UpkeepWorld::names_in(*world_.memory, "pack/"));
    EXPECT_EQ(UpkeepWorld::names_in(*two_, "index/"),
              UpkeepWorld::names_in(*world_.memory, "index/"));
    EXPECT_TRUE(report.legs.at(1).complete);
    expect_whole_on_both(second, two);
}

TEST_F(SyncTest, ASnapshotThatOnlyOneDestinationHasIsSpreadWithAllItNeeds) {
    TreeModel one = make_tree(1), two = make_tree(2);
    auto const first = backup(one);
    auto const alone = UpkeepWorld::must(world_.try_backup(*world_.open(two_), two));
    UpkeepWorld::must(world_.open()->remove_snapshot(first.session, {}));
    world_.tick();
    UpkeepWorld::must(collect(*world_.open(), {.grace = std::chrono::seconds(0)}, {}));
    auto const report = heal();
    EXPECT_TRUE(report.legs.at(0).complete);
    expect_whole_on_both(alone, two);
}

TEST_F(SyncTest, WhatOneDestinationBringsBackStaysAtTheOthers) {
    TreeModel one = make_tree(1), two = make_tree(2);
    auto const first = backup(one);
    backup(two);
    auto const third = std::make_shared<store::MemoryStore>(
        store::MemoryOptions{.clock = &world_.clock, .label = "three"});
    auto const all = UpkeepWorld::must(store::MirrorStore::create(
        {{"one", world_.memory, {}}, {"two", two_, {}}, {"three", third, {}}}));
    UpkeepWorld::must(sync_legs(*all, {}, {}));
    UpkeepWorld::must(world_.open(mirror_)->remove_snapshot(first.session, {}));
    world_.tick();
    auto const collected =
        UpkeepWorld::must(collect(*world_.open(), {.grace = std::chrono::seconds(0)}, {}));
    ASSERT_GT(collected.packs_deleted, 0u);
    auto const alone = UpkeepWorld::must(world_.try_backup(*world_.open(third), one));
    world_.tick();
    auto const report = UpkeepWorld::must(sync_legs(*all, {}, {}));
    UpkeepWorld::must(world_.open(all)->index()->adopt_orphans(Index::Orphans::stored, {}));
    for (std::shared_ptr<store::ObjectStore> leg :
         {std::static_pointer_cast<store::ObjectStore>(world_.memory),
          std::static_pointer_cast<store::ObjectStore>(two_),
          std::static_pointer_cast<store::ObjectStore>(third)}) {
        EXPECT_EQ(UpkeepWorld::names_in(*leg, "pack/"), UpkeepWorld::names_in(*third, "pack/"));
        EXPECT_TRUE(world_.restored(alone, leg) == UpkeepWorld::files_of(one));
    }
    EXPECT_TRUE(report.legs.at(1).complete);
}

TEST_F(SyncTest, ASnapshotFencedHereAndCommittedThereIsToldAndKept) {
    TreeModel one = make_tree(1);
    auto const snapshot = UpkeepWorld::must(world_.try_backup(*world_.open(two_), one));
    UpkeepWorld::must(fence(*world_.memory, snapshot.session, world_.clock.now(), {}));
    auto const report = heal();
    ASSERT_EQ(report.findings.size(), 1u);
    EXPECT_EQ(report.findings[0].kind, Finding::Kind::disagreement);
    EXPECT_FALSE(report.legs.at(0).complete);
    EXPECT_TRUE(world_.restored(snapshot, two_) == UpkeepWorld::files_of(one));
}

TEST_F(SyncTest, AManifestThatAloneOpensWhatWasAddedIsNotBuried) {
    auto const settle = [] {
        ChangeOptions options;
        options.sessions_settled = [](std::uint64_t, std::stop_token) {
            return Result<bool>(true);
        };
        return options;
    }();
    Handle met;
    {
        auto const alone = world_.open(two_);
        met = UpkeepWorld::must(alone->keyring().of_subject("app", as_bytes("new")))->handle();
        UpkeepWorld::must(alone->keyring().flush_additions(world_.random.draw<SessionId>(), {}));
    }
    UpkeepWorld::must(world_.open()->keyring().rotate(settle, {}));
    auto const before = UpkeepWorld::names_in(*world_.memory, "");
    auto const report = heal();
    ASSERT_EQ(report.findings.size(), 1u);
    EXPECT_EQ(report.findings[0].kind, Finding::Kind::disagreement);
    EXPECT_NE(report.findings[0].detail.find("missed a change of keys"), std::string::npos);
    EXPECT_FALSE(report.legs.at(0).complete || report.legs.at(1).complete);
    EXPECT_EQ(UpkeepWorld::names_in(*world_.memory, ""), before);
    EXPECT_TRUE(world_.open(two_)->keyring().find(met));
}

TEST_F(SyncTest, KeyringsThatWereChangedApartNeverBuryEachOther) {
    ChangeOptions settle;
    settle.sessions_settled = [](std::uint64_t, std::stop_token) { return Result<bool>(true); };
    UpkeepWorld::must(world_.open()->keyring().rotate(settle, {}));
    UpkeepWorld::must(world_.open()->keyring().rotate(settle, {}));
    UpkeepWorld::must(world_.open(two_)->keyring().rotate(settle, {}));
    auto const epoch = world_.open(two_)->keyring().epoch();
    auto const report = heal();
    ASSERT_EQ(report.findings.size(), 1u);
    EXPECT_NE(report.findings[0].detail.find("key merge"), std::string::npos);
    EXPECT_EQ(world_.open(two_)->keyring().epoch(), epoch);
}

TEST_F(SyncTest, DamageIsNotCarriedAlong) {
    TreeModel one = make_tree(1);
    take_two_away();
    auto const snapshot = backup(one);
    bring_two_back();
    auto const pack = *world_.names("pack/d/").begin();
    world_.memory->tamper(pack, [](Bytes& body) { std::ranges::fill(body, std::byte{0}); });
    auto const report = heal();
    EXPECT_FALSE(report.legs.at(1).complete);
    EXPECT_FALSE(two_->head(pack, {}));
    EXPECT_FALSE(two_->head(snapshot_name(snapshot.session), {}));
    ASSERT_FALSE(report.findings.empty());
    EXPECT_EQ(report.findings[0].object, pack);
}

TEST_F(SyncTest, DamageThatParityMendsIsMendedOnTheWay) {
    TreeModel one = make_tree(1);
    take_two_away();
    auto const snapshot = backup(one);
    bring_two_back();
    world_.memory->tamper(*world_.names("pack/d/").begin(),
                          [](Bytes& body) { body.at(5000) ^= std::byte{1}; });
    EXPECT_TRUE(heal().legs.at(1).complete);
    auto const there = world_.open(two_);
    EXPECT_TRUE(UpkeepWorld::must(verify(*there, {.level = VerifyLevel::read_data}, {})).passed());
    EXPECT_TRUE(world_.restored(snapshot, two_) == UpkeepWorld::files_of(one));
}

TEST_F(SyncTest, AnotherRepositoryIsNeitherChangedNorCopiedFrom) {
    TreeModel one = make_tree(1), two = make_tree(2);
    auto const ours = backup(one);
    UpkeepWorld other;  // made with the same key file: their keyrings open each other's slots
    other.clock.seconds += 3600;
    testing::SeededBytes random(8);
    other.memory = std::make_shared<store::MemoryStore>(
        store::MemoryOptions{.clock = &other.clock, .label = "theirs"});
    UpkeepWorld::must(
        Repository::create(other.memory, other.secret, {}, {other.clock, random}, {}));
    auto const theirs = other.backup(two);
    UpkeepWorld::must(other.open()->keyring().rotate({}, {}));  // the newer keyring of the two
    for (bool first : {true, false}) {
        std::vector<store::MirrorLeg> legs{{"one", world_.memory, std::nullopt},
                                           {"two", other.memory, std::nullopt}};
        if (!first) std::swap(legs[0], legs[1]);
        auto const both = UpkeepWorld::must(store::MirrorStore::create(std::move(legs)));
        auto const before = UpkeepWorld::names_in(*world_.memory, ""),
                   beyond = UpkeepWorld::names_in(*other.memory, "");
        auto const report = UpkeepWorld::must(sync_legs(*both, {}, {}));
        EXPECT_TRUE(report.legs.at(0).complete);
        EXPECT_FALSE(report.legs.at(1).complete);
        EXPECT_THAT(report.legs.at(1).problem, ::testing::HasSubstr("another repository"));
        EXPECT_EQ(UpkeepWorld::names_in(*world_.memory, ""), before);
        EXPECT_EQ(UpkeepWorld::names_in(*other.memory, ""), beyond);
    }
    EXPECT_TRUE(world_.restored(ours, world_.memory) == UpkeepWorld::files_of(one));
    EXPECT_TRUE(other.restored(theirs) == UpkeepWorld::files_of(two));
}

TEST_F(SyncTest, WhatADestinationCanRestoreStaysUntilWhatReplacesItHasArrived) {
    TreeModel one = make_tree(1), two = make_tree(2);
    auto const first = backup(one);
    take_two_away();
    auto const second = backup(two);
    world_.remove(first);
    bring_two_back();
    faulty_->set_script(store::always(
        store::Operation::put, "pack/",
        {.kind = store::Mishap::Kind::refuse, .fault = Fault::exhausted}));  // its disk is full
    auto const report = heal();
    EXPECT_FALSE(report.legs.at(1).complete);
    EXPECT_EQ(report.legs.at(1).snapshots_removed, 0u);
    EXPECT_TRUE(world_.restored(first, two_) == UpkeepWorld::files_of(one));
    bring_two_back();
    EXPECT_EQ(heal(true).legs.at(1).snapshots_removed, 1u);
    EXPECT_EQ(heal().legs.at(1).snapshots_removed, 1u);
    EXPECT_THAT(UpkeepWorld::must(world_.open(two_)->snapshots(nullptr, {})), ::testing::SizeIs(1));
    expect_whole_on_both(second, two);
}

TEST_F(SyncTest, APinAtOneDestinationBeatsADeletionAtAnother) {
    TreeModel one = make_tree(1), two = make_tree(2), three = make_tree(3);
    auto const first = backup(one), second = backup(two);
    world_.remove(first);
    UpkeepWorld::must(collect(*world_.open(), {.grace = std::chrono::seconds(0)}, {}));
    auto const opened = world_.open();
    PinSeal const seal{opened->id(), opened->keyring().common()};
    UpkeepWorld::must(pin(*two_, seal, first.session, "court order", world_.random, {}));
    take_two_away();
    auto const third = backup(three);
    bring_two_back();
    for (int times : {1, 2}) {
        auto const report = heal();
        // As service::sync does, which has the keys: packs that came back are in no index.
        UpkeepWorld::must(world_.open(mirror_)->index()->adopt_orphans(Index::Orphans::stored, {}));
        ASSERT_EQ(report.findings.size(), 1u) << times;
        EXPECT_EQ(report.findings[0].kind, Finding::Kind::disagreement);
        EXPECT_EQ(report.findings[0].object, snapshot_name(first.session));
        EXPECT_FALSE(report.legs.at(1).complete);
        EXPECT_TRUE(world_.restored(first, two_) == UpkeepWorld::files_of(one));
        EXPECT_TRUE(world_.restored(third, two_) == UpkeepWorld::files_of(three))
            << "nothing else waits for it";
        EXPECT_THAT(UpkeepWorld::names_in(*world_.memory, "pin/"), IsEmpty())
            << "nobody could unpin it there";
    }
    UpkeepWorld::must(unpin(*two_, first.session, {}));
    auto const report = heal();
    EXPECT_THAT(report.findings, IsEmpty());
    EXPECT_EQ(report.legs.at(1).snapshots_removed, 1u);
    expect_whole_on_both(second, two);
}

TEST_F(SyncTest, ADestinationThatFallsSilentHalfWayKeepsNoOtherFromBeingSynced) {
    TreeModel one = make_tree(1);
    auto const snapshot = backup(one);
    for (std::uint64_t after = 0;; ++after) {
        auto const third = std::make_shared<store::MemoryStore>(
            store::MemoryOptions{.clock = &world_.clock, .label = "three"});
        auto const mirror =
            UpkeepWorld::must(store::MirrorStore::create({{"one", world_.memory, std::nullopt},
                                                          {"two", faulty_, std::nullopt},
                                                          {"three", third, std::nullopt}}));
        auto const last = faulty_->calls() + after;
        faulty_->set_script([last](store::Operation, std::string const&, std::uint64_t number) {
            return number > last ? store::Mishap{.kind = store::Mishap::Kind::refuse}
                                 : store::Mishap{};
        });
        auto const report = UpkeepWorld::must(sync_legs(*mirror, {}, {}));
        EXPECT_THAT(report.findings, IsEmpty()) << after;
        EXPECT_TRUE(report.legs.at(0).complete && report.legs.at(2).complete) << after;
        EXPECT_TRUE(world_.restored(snapshot, third) == UpkeepWorld::files_of(one)) << after;
        bool const fell_silent = faulty_->calls() > last;
        EXPECT_EQ(report.legs.at(1).complete, !fell_silent) << after;
        if (!fell_silent) break;
    }
    faulty_->set_script(nullptr);
}

TEST_F(SyncTest, TheLeadingDestinationThatFallsSilentKeepsNoOtherFromBeingSynced) {
    TreeModel one = make_tree(1), two = make_tree(2);
    auto const first = backup(one);
    auto const snapshot = backup(two);
    UpkeepWorld::must(world_.open()->remove_snapshot(first.session, {}));
    world_.tick();
    UpkeepWorld::must(collect(*world_.open(), {.grace = std::chrono::seconds(0)}, {}));
    heal();  // the second one has the record of that collection as well
    TreeModel three = make_tree(3);
    world_.backup(three);
    for (std::uint64_t after = 0;; ++after) {
        auto const leading = std::make_shared<store::FaultStore>(world_.memory);
        auto const third = std::make_shared<store::MemoryStore>(
            store::MemoryOptions{.clock = &world_.clock, .label = "three"});
        auto const mirror =
            UpkeepWorld::must(store::MirrorStore::create({{"one", leading, std::nullopt},
                                                          {"two", two_, std::nullopt},
                                                          {"three", third, std::nullopt}}));
        leading->set_script([after](store::Operation, std::string const&, std::uint64_t number) {
            return number > after ? store::Mishap{.kind = store::Mishap::Kind::refuse}
                                  : store::Mishap{};
        });
        auto const report = sync_legs(*mirror, {}, {});
        ASSERT_TRUE(report) << after << " " << report.error().message();
        EXPECT_THAT(report->findings, IsEmpty()) << after;
        bool const fell_silent = leading->calls() > after;
        // Once it has told and got everything it is complete, whatever becomes of it.
        EXPECT_TRUE(report->legs.at(0).complete || fell_silent) << after;
        bool const shown = third->head(snapshot_name(snapshot.session), {}).has_value();
        EXPECT_TRUE(shown || fell_silent) << after;
        if (shown) {
            EXPECT_TRUE(world_.restored(snapshot, third) == UpkeepWorld::files_of(two)) << after;
        }
        EXPECT_TRUE(world_.restored(snapshot, two_) == UpkeepWorld::files_of(two)) << after;
        if (!fell_silent) break;
    }
}

TEST_F(SyncTest, ATombstoneThatSomebodyPlantedBuriesNoKeyring) {
    TreeModel one = make_tree(1);
    auto const snapshot = backup(one);
    Bytes const planted = make_triple(tombstone_body(world_.clock.now()));
    UpkeepWorld::must(two_->put("keyring/m/1", planted, store::PutMode::replace, {}));
    auto report = heal();
    ASSERT_EQ(report.findings.size(), 1u);
    EXPECT_EQ(report.findings[0].object, "keyring/m/1");
    EXPECT_FALSE(report.legs.at(0).complete);
    EXPECT_TRUE(world_.restored(snapshot, world_.memory) == UpkeepWorld::files_of(one));
    // A newer one that nobody's key opens takes no place either, for whoever has the key.
    UpkeepWorld::must(two_->put("keyring/m/2", make_triple(as_bytes(std::string(900, 'x'))),
                                store::PutMode::replace, {}));
    report = UpkeepWorld::must(sync_legs(*mirror_, {.opened_epoch = 1, .progress = {}}, {}));
    auto const kept = UpkeepWorld::must(read_proven(*world_.memory, "keyring/m/1", {}));
    EXPECT_FALSE(is_tombstone(kept.value()));
}

TEST_F(SyncTest, DeletionsNeverTakeTheLastSnapshotOfADestination) {
    TreeModel one = make_tree(1), two = make_tree(2), three = make_tree(3);
    auto const first = backup(one), second = backup(two);
    Bytes const planted = make_triple(tombstone_body(world_.clock.now()));
    for (auto const& name : UpkeepWorld::names_in(*two_, "snapshot/"))
        UpkeepWorld::must(two_->put(name, planted, store::PutMode::replace, {}));
    auto const report = heal();
    EXPECT_EQ(report.findings.size(), 2u);
    EXPECT_EQ(report.legs.at(0).snapshots_removed, 0u);
    EXPECT_TRUE(world_.restored(first, world_.memory) == UpkeepWorld::files_of(one));
    EXPECT_TRUE(world_.restored(second, world_.memory) == UpkeepWorld::files_of(two));
    auto const third = backup(three);
    EXPECT_EQ(heal().legs.at(0).snapshots_removed, 2u) << "deletions are not held up for ever";
    expect_whole_on_both(third, three);
}

TEST_F(SyncTest, LeasesStayWhereTheyAre) {
    auto const repository = world_.open();
    auto const session = UpkeepWorld::must(repository->begin({}));
    heal();
    EXPECT_THAT(UpkeepWorld::names_in(*two_, "lease/"), IsEmpty());
}

TEST(StatisticsTest, TheyCountWhatIsThere) {
    UpkeepWorld world;
    TreeModel one = make_tree(1), two = make_tree(2);
    auto const first = world.backup(one);
    world.backup(two);
    world.remove(first);
    auto const all = UpkeepWorld::must(measure(*world.open(), {}));
    EXPECT_EQ(all.snapshots.objects, 1u);
    EXPECT_EQ(all.tombstones, 1u);
    EXPECT_EQ(all.data_packs.objects, world.names("pack/d/").size());
    EXPECT_GE(all.blobs, 8u);
    EXPECT_GE(all.blob_bytes, 8 * 20'000u);
    EXPECT_GT(all.frames, 0u);
    EXPECT_EQ(all.sessions_living, 0u);
    std::uint64_t bytes = 0;
    for (auto const& info : world.objects("")) bytes += info.size_bytes;
    EXPECT_EQ(all.total_bytes(), bytes);
}

}  // namespace
}  // namespace perdure::repository
