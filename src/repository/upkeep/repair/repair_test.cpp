#include "repository/upkeep/repair/repair.h"

#include <gmock/gmock.h>

#include "repository/lease.h"
#include "repository/pins.h"
#include "repository/upkeep/collect/collect.h"
#include "repository/upkeep/upkeep_world.h"
#include "repository/upkeep/verify/verify.h"
#include "store/wrap/mirror.h"
#include "store/wrap/read_only.h"

namespace perdure::repository {
namespace {

using ::testing::IsEmpty;
using testing::make_tree;
using testing::random_bytes;
using testing::TreeModel;
using testing::UpkeepWorld;

class RepairTest : public ::testing::Test {
protected:
    RepairReport mend(bool dry_run = false) {
        world_.tick();
        return UpkeepWorld::must(repair(*world_.open(), {.dry_run = dry_run}, {}));
    }
    bool passes() {
        return UpkeepWorld::must(verify(*world_.open(), {.level = VerifyLevel::read_data}, {}))
            .passed();
    }
    std::string one_name(std::string const& prefix) { return *world_.names(prefix).begin(); }
    std::string biggest_pack() {
        auto const packs = world_.objects("pack/d/");
        return std::ranges::max_element(packs, {}, &store::ObjectInfo::size_bytes)->name;
    }
    void flip(std::string const& name, std::size_t offset) {
        world_.memory->tamper(name, [&](Bytes& body) { body.at(offset) ^= std::byte{1}; });
    }
    void expect_restores(Snapshot const& snapshot, TreeModel const& model) {
        EXPECT_TRUE(world_.restored(snapshot) == UpkeepWorld::files_of(model));
    }
    UpkeepWorld world_;
};

TEST_F(RepairTest, NothingIsDoneToAHealthyRepository) {
    TreeModel model = make_tree(1);
    world_.backup(model);
    auto const before = world_.objects("");
    auto const report = mend();
    EXPECT_THAT(report.mended, IsEmpty());
    EXPECT_THAT(report.left, IsEmpty());
    EXPECT_EQ(report.losses_total, 0u);
    auto const after = world_.objects("");
    ASSERT_EQ(after.size(), before.size());
    for (std::size_t i = 0; i < before.size(); ++i)
        EXPECT_EQ(after[i].modified, before[i].modified);
}

TEST_F(RepairTest, AnIndexThatOnlyTheCacheHoldsIsDamagedAndIsMadeAnew) {
    TreeModel model = make_tree(1);
    auto const snapshot = world_.backup(model);
    auto const cache = UpkeepWorld::must(system::ScratchFolder::create());
    auto const with_cache = [&] {
        return UpkeepWorld::must(Repository::open(world_.memory, world_.secret,
                                                  {.cache_folder = cache.path()},
                                                  {world_.clock, world_.random}, {}));
    };
    with_cache();  // fills the cache
    for (auto const& name : world_.names("index/")) flip(name, 100);
    VerifyOptions const every_byte{.level = VerifyLevel::read_data};
    auto const found = UpkeepWorld::must(verify(*with_cache(), every_byte, {}));
    EXPECT_EQ(found.findings_total, 1u);
    auto const report = UpkeepWorld::must(repair(*with_cache(), {}, {}));
    ASSERT_EQ(report.mended.size(), 1u);
    EXPECT_TRUE(passes()) << "a machine without the cache";
    EXPECT_TRUE(UpkeepWorld::must(verify(*with_cache(), every_byte, {})).passed());
    expect_restores(snapshot, model);
    EXPECT_THAT(UpkeepWorld::must(repair(*with_cache(), {}, {})).mended, IsEmpty());
}

TEST_F(RepairTest, ParityMendsAPackAndADryRunOnlySaysSo) {
    TreeModel model = make_tree(1);
    auto const snapshot = world_.backup(model);
    auto const pack = one_name("pack/d/");
    flip(pack, 5000);
    auto const dry = mend(true);
    ASSERT_EQ(dry.mended.size(), 1u);
    EXPECT_FALSE(passes());
    auto const report = mend();
    ASSERT_EQ(report.mended.size(), 1u);
    EXPECT_EQ(report.mended[0].object, pack);
    EXPECT_EQ(report.mended[0].by, "parity");
    EXPECT_TRUE(passes());
    expect_restores(snapshot, model);
}

TEST_F(RepairTest, ACutOffParitySuffixIsMadeAgain) {
    TreeModel model = make_tree(1);
    world_.backup(model);
    world_.memory->tamper(one_name("pack/d/"), [](Bytes& body) { body.resize(body.size() - 70); });
    EXPECT_FALSE(passes());
    EXPECT_EQ(mend().mended.size(), 1u);
    EXPECT_TRUE(passes());
}

TEST_F(RepairTest, ThreefoldObjectsHealFromTheirOtherCopies) {
    TreeModel model = make_tree(1);
    auto const snapshot = world_.backup(model);
    flip(snapshot_name(snapshot.session), 70);
    flip("config", 50);
    flip(one_name("keyring/m/"), 50);
    EXPECT_EQ(mend().mended.size(), 3u);
    EXPECT_TRUE(passes());
}

TEST_F(RepairTest, ALostIndexIsBuiltAnewFromThePacks) {
    TreeModel model = make_tree(1);
    auto const snapshot = world_.backup(model);
    auto repository = world_.open();
    for (auto const& name : world_.names("index/")) flip(name, 100);
    auto const report = UpkeepWorld::must(repair(*repository, {}, {}));
    EXPECT_FALSE(report.mended.empty());
    EXPECT_EQ(report.losses_total, 0u);
    EXPECT_TRUE(passes());
    expect_restores(snapshot, model);
}

TEST_F(RepairTest, AnIndexThatIsGoneIsReadFromThePacksAndMadeAnew) {
    TreeModel model = make_tree(1);
    auto const snapshot = world_.backup(model);
    for (auto const& name : world_.names("index/")) ASSERT_TRUE(world_.memory->remove(name, {}));
    expect_restores(snapshot, model);  // by what every reader makes of the packs
    auto const would = UpkeepWorld::must(repair(*world_.open(), {.dry_run = true}, {}));
    EXPECT_EQ(would.mended.size(), 1u);
    EXPECT_EQ(would.losses_total, 0u);
    EXPECT_THAT(world_.names("index/"), IsEmpty());
    auto const report = UpkeepWorld::must(repair(*world_.open(), {}, {}));
    EXPECT_EQ(report.mended.size(), 1u);
    EXPECT_EQ(report.losses_total, 0u);
    EXPECT_EQ(world_.names("index/").size(), 1u);
    EXPECT_TRUE(passes());
    expect_restores(snapshot, model);
    EXPECT_THAT(UpkeepWorld::must(repair(*world_.open(), {}, {})).mended, IsEmpty());
}

TEST_F(RepairTest, APartOfTheIndexThatIsGoneIsMadeAnew) {
    TreeModel model = make_tree(1);
    world_.backup(model);
    auto const first = world_.names("index/");
    model.add_file("later", random_bytes(300'000, 9));
    auto const snapshot = world_.backup(model);
    for (auto const& name : first) ASSERT_TRUE(world_.memory->remove(name, {}));
    auto const report = UpkeepWorld::must(repair(*world_.open(), {}, {}));
    EXPECT_EQ(report.losses_total, 0u);
    EXPECT_TRUE(passes());
    expect_restores(snapshot, model);
}

TEST_F(RepairTest, WhatAPartOfTheIndexToldIsReadInThePacks) {
    TreeModel model = make_tree(1);
    world_.backup(model);
    model.add_file("later", random_bytes(300'000, 9));
    auto const snapshot = world_.backup(model);
    auto const expect_read = [&](char const* what) {
        auto const reader = world_.open_to_read(world_.memory);
        EXPECT_TRUE(UpkeepWorld::restored_by(*reader, snapshot) == UpkeepWorld::files_of(model))
            << what;
        auto const report = UpkeepWorld::must(verify(*reader, {}, {}));
        ASSERT_EQ(report.findings_total, 1u) << what;
        EXPECT_THAT(report.findings[0].object, ::testing::StartsWith("index")) << what;
        EXPECT_TRUE(report.findings[0].repairable) << what;
    };
    for (auto const& name : world_.names("index/")) {
        flip(name, 100);
        expect_read("damaged");
        auto const size = world_.objects(name).at(0).size_bytes;
        auto const damaged = UpkeepWorld::must(world_.memory->read(name, 0, size, {}));
        ASSERT_TRUE(world_.memory->remove(name, {}));
        expect_read("lost");
        ASSERT_TRUE(world_.memory->put(name, damaged, store::PutMode::if_absent, {}));
        flip(name, 100);
    }
    EXPECT_TRUE(passes());
}

TEST_F(RepairTest, WhatIsLostIsNamedExactlyAndTheRestIsSaved) {
    // borg #3444: a repair discarded what was whole
    TreeModel model;
    for (int i = 0; i < 12; ++i) {
        model.add_file("f" + std::to_string(i), random_bytes(700'000, static_cast<unsigned>(i)));
    }
    auto const snapshot = world_.backup(model);
    std::string biggest;
    std::uint64_t size = 0;
    for (auto const& info : world_.objects("pack/d/")) {
        if (info.size_bytes > size) std::tie(biggest, size) = std::tie(info.name, info.size_bytes);
    }
    world_.memory->tamper(biggest, [](Bytes& body) {  // 700 KB: more than parity can mend
        std::fill(body.begin() + 5'000'000, body.begin() + 5'700'000, std::byte{9});
    });
    auto const before = world_.restored(snapshot);
    auto const dry = mend(true);
    auto const report = mend();
    std::set<std::string> lost, told, told_dry;
    auto const whole = UpkeepWorld::files_of(model);
    for (auto const& [path, content] : whole) {
        auto const found = before.find(path);
        if (found == before.end() || found->second != content) lost.insert(path);
    }
    for (auto const& loss : report.losses) told.insert(loss.path);
    for (auto const& loss : dry.losses) told_dry.insert(loss.path);
    EXPECT_FALSE(lost.empty());
    EXPECT_LT(lost.size(), whole.size());
    EXPECT_EQ(told, lost);
    EXPECT_EQ(told_dry, lost);
    EXPECT_EQ(report.losses[0].snapshot, snapshot.id());
    EXPECT_EQ(report.losses[0].source, "files");
    ASSERT_FALSE(report.left.empty());
    EXPECT_EQ(report.left[0].object, biggest);
    auto const after = world_.restored(snapshot);  // the readable set has not shrunk
    for (auto const& [path, content] : whole) {
        EXPECT_TRUE(lost.contains(path) || (after.contains(path) && after.at(path) == content));
    }
    ASSERT_TRUE(world_.memory->remove(biggest, {}));  // what was salvaged needs it no more
    auto const without = world_.restored(snapshot);
    for (auto const& [path, content] : whole) {
        EXPECT_TRUE(lost.contains(path) || (without.contains(path) && without.at(path) == content))
            << path;
    }
}

TEST_F(RepairTest, WhatCannotBeReadIsForgottenAndStoredAgain) {
    TreeModel model = make_tree(1);
    auto const first = world_.backup(model);
    auto const pack = biggest_pack();
    Bytes const whole = UpkeepWorld::must(store::read_all(*world_.memory, pack, 64 << 20, {}));
    world_.memory->tamper(pack, [](Bytes& body) { std::ranges::fill(body, std::byte{0}); });
    EXPECT_GT(mend().losses_total, 0u);
    auto const second = world_.backup(model);
    expect_restores(second, model);
    expect_restores(first, model);  // the same blobs
    EXPECT_EQ(mend().losses_total, 0u);
    expect_restores(second, model);
    UpkeepWorld::must(collect(*world_.open(), {.grace = std::chrono::seconds(0)}, {}));
    EXPECT_FALSE(world_.names("pack/d/").contains(pack)) << "nobody needs it any more";
    EXPECT_TRUE(passes());
}

TEST_F(RepairTest, WhatWasForgottenIsLearnedAnewOnceItsPackIsWhole) {
    TreeModel model = make_tree(1);
    auto const snapshot = world_.backup(model);
    auto const pack = biggest_pack();
    Bytes const whole = UpkeepWorld::must(store::read_all(*world_.memory, pack, 64 << 20, {}));
    world_.memory->tamper(pack, [](Bytes& body) { body.clear(); });
    EXPECT_GT(mend().losses_total, 0u);
    UpkeepWorld::must(world_.memory->put(pack, whole, store::PutMode::replace, {}));
    EXPECT_EQ(mend().losses_total, 0u);
    EXPECT_TRUE(passes());
    expect_restores(snapshot, model);
}

TEST_F(RepairTest, ASalvageThatBreaksOffLeavesNobodyWaiting) {
    TreeModel model;
    for (int i = 0; i < 12; ++i)
        model.add_file("f" + std::to_string(i), random_bytes(700'000, static_cast<unsigned>(i)));
    world_.backup(model);
    world_.memory->tamper(biggest_pack(), [](Bytes& body) {
        std::fill(body.begin() + 5'000'000, body.begin() + 5'700'000, std::byte{9});
    });
    auto const full = std::make_shared<store::FaultStore>(world_.memory);
    auto const repository = world_.open(full);
    full->set_script(
        store::always(store::Operation::put, "pack/",
                      {.kind = store::Mishap::Kind::refuse, .fault = Fault::exhausted}));
    auto const broken = repair(*repository, {}, {});
    ASSERT_FALSE(broken);
    EXPECT_EQ(broken.error().fault(), Fault::exhausted);
    EXPECT_THAT(world_.names("lease/"), IsEmpty());
    EXPECT_EQ(world_.names("fence/").size(), 1u);
}

TEST_F(RepairTest, ALostFolderListIsNamedAsTheFolder) {
    TreeModel model;
    model.add_folder("deep");
    for (int i = 0; i < 3; ++i)
        model.add_file("deep/f" + std::to_string(i), random_bytes(300, static_cast<unsigned>(i)));
    model.add_file("top", random_bytes(300, 77));
    auto const snapshot = world_.backup(model);
    for (auto const& name : world_.names("pack/m/")) ASSERT_TRUE(world_.memory->remove(name, {}));
    auto const report = mend();
    EXPECT_GE(report.losses_total, 1u);
    EXPECT_THAT(report.losses[0].reason, ::testing::HasSubstr("folder"));
    EXPECT_FALSE(report.left.empty() && report.losses.empty());
}

class MirrorRepairTest : public ::testing::Test {
protected:
    MirrorRepairTest() {
        other_ = std::make_shared<store::MemoryStore>(
            store::MemoryOptions{.clock = &world_.clock, .label = "other"});
        UpkeepWorld::must(world_.memory->list(
            "",
            [&](store::ObjectInfo const& info) -> Result<void> {
                PD_TRY(Bytes const body, store::read_all(*world_.memory, info.name, 1 << 20, {}));
                return other_->put(info.name, body, store::PutMode::if_absent, {});
            },
            {}));
        auto made = store::MirrorStore::create(
            {{"one", world_.memory, std::nullopt}, {"two", other_, std::nullopt}});
        mirror_ = UpkeepWorld::must(std::move(made));
    }
    UpkeepWorld world_;
    std::shared_ptr<store::MemoryStore> other_;
    std::shared_ptr<store::MirrorStore> mirror_;
};

TEST_F(MirrorRepairTest, EachDestinationHealsFromTheOther) {
    TreeModel model = make_tree(1), second_model = make_tree(2);
    auto repository = world_.open(mirror_);
    auto const first = UpkeepWorld::must(world_.try_backup(*repository, model));
    auto const second = UpkeepWorld::must(world_.try_backup(*repository, second_model));
    auto const packs = world_.names("pack/d/");
    ASSERT_EQ(packs.size(), 2u);
    auto const wreck = [](Bytes& body) { std::ranges::fill(body, std::byte{0}); };
    world_.memory->tamper(*packs.begin(), wreck);
    other_->tamper(*packs.rbegin(), wreck);
    world_.memory->tamper(snapshot_name(first.session), wreck);
    auto const report = UpkeepWorld::must(repair(*repository, {}, {}));
    EXPECT_EQ(report.mended.size(), 3u);
    EXPECT_THAT(report.left, IsEmpty());
    EXPECT_EQ(report.losses_total, 0u);
    for (auto const& leg : {world_.memory, other_}) {
        auto const alone = world_.open(leg);
        EXPECT_TRUE(
            UpkeepWorld::must(verify(*alone, {.level = VerifyLevel::read_data}, {})).passed());
        EXPECT_TRUE(world_.restored(first, leg) == UpkeepWorld::files_of(model));
        EXPECT_TRUE(world_.restored(second, leg) == UpkeepWorld::files_of(second_model));
    }
}

TEST_F(MirrorRepairTest, WhatTheFirstDestinationHasDamagedIsReadAtTheNext) {
    TreeModel model = make_tree(1);
    auto const repository = world_.open(mirror_);
    auto const snapshot = UpkeepWorld::must(world_.try_backup(*repository, model));
    PinSeal const seal{repository->id(), repository->keyring().common()};
    ASSERT_TRUE(pin(*mirror_, seal, snapshot.session, "court order", world_.random, {}));
    std::vector<std::string> victims = {snapshot_name(snapshot.session),
                                        "pin/" + to_hex(snapshot.session)};
    for (auto const& name : world_.names("index/")) victims.push_back(name);
    for (auto const& name : victims)
        world_.memory->tamper(name, [](Bytes& body) { std::ranges::fill(body, std::byte{0}); });
    auto const reader = world_.open_to_read(mirror_);
    std::vector<data::Problem> damaged;
    EXPECT_EQ(UpkeepWorld::must(reader->snapshots(&damaged, {})).size(), 1u);
    EXPECT_THAT(damaged, IsEmpty());
    EXPECT_TRUE(UpkeepWorld::restored_by(*reader, snapshot) == UpkeepWorld::files_of(model));
    EXPECT_EQ(UpkeepWorld::must(pinned(*mirror_, seal, snapshot.session, {})), "court order");
    auto const would = UpkeepWorld::must(repair(*reader, {.dry_run = true}, {}));
    EXPECT_EQ(would.mended.size(), victims.size());
    EXPECT_THAT(would.left, IsEmpty());
    EXPECT_EQ(would.losses_total, 0u);
}

TEST_F(MirrorRepairTest, AnotherSnapshotsObjectUnderItsNameIsReadAroundToo) {
    TreeModel model = make_tree(1);
    auto const repository = world_.open(mirror_);
    auto const first = UpkeepWorld::must(world_.try_backup(*repository, model));
    auto const second = UpkeepWorld::must(world_.try_backup(*repository, model));
    auto const strange = snapshot_name(second.session);
    Bytes const copy = UpkeepWorld::must(
        store::read_all(*world_.memory, snapshot_name(first.session), 1 << 20, {}));
    world_.memory->tamper(strange, [&](Bytes& body) { body = copy; });
    std::vector<data::Problem> damaged;
    EXPECT_EQ(UpkeepWorld::must(world_.open_to_read(mirror_)->snapshots(&damaged, {})).size(), 2u);
    EXPECT_THAT(damaged, IsEmpty());
}

TEST_F(RepairTest, ADamagedIndexOfARepositoryThatNobodyCanWriteIsReadByWritersToo) {
    TreeModel model = make_tree(1);
    auto const snapshot = world_.backup(model);
    for (auto const& name : world_.names("index/")) flip(name, 100);
    EXPECT_TRUE(world_.restored(snapshot, store::read_only(world_.memory)) ==
                UpkeepWorld::files_of(model));
}

TEST_F(MirrorRepairTest, PacksThatTheFirstDestinationLostAreReadAndBroughtBack) {
    TreeModel model = make_tree(1);
    auto const snapshot = UpkeepWorld::must(world_.try_backup(*world_.open(mirror_), model));
    auto const packs = world_.names("pack/");
    for (auto const& name : packs) ASSERT_TRUE(world_.memory->remove(name, {}));
    auto const reader = world_.open_to_read(mirror_);
    EXPECT_TRUE(UpkeepWorld::restored_by(*reader, snapshot) == UpkeepWorld::files_of(model));
    for (bool const dry_run : {true, false}) {
        auto const found = UpkeepWorld::must(verify(*reader, {}, {}));
        EXPECT_EQ(found.findings_total, packs.size());
        auto const report =
            UpkeepWorld::must(repair(*world_.open(mirror_), {.dry_run = dry_run}, {}));
        EXPECT_EQ(report.mended.size(), packs.size());
        EXPECT_THAT(report.left, IsEmpty());
        EXPECT_EQ(report.losses_total, 0u);
    }
    EXPECT_EQ(world_.names("pack/"), packs);
    EXPECT_TRUE(world_.restored(snapshot) == UpkeepWorld::files_of(model));
}

TEST_F(MirrorRepairTest, AVerificationReadsEveryDestinationsOwnCopies) {
    TreeModel model = make_tree(1);
    auto const repository = world_.open(mirror_);
    auto const snapshot = UpkeepWorld::must(world_.try_backup(*repository, model));
    auto const check = [&](VerifyLevel level) {
        return UpkeepWorld::must(verify(*repository, {.level = level}, {}));
    };
    EXPECT_TRUE(check(VerifyLevel::read_data).passed());
    for (auto const& info : world_.objects("")) {
        bool const looked_at = info.name == "config" || info.name.starts_with("snapshot/") ||
                               info.name.starts_with("keyring/") ||
                               info.name.starts_with("index/") || info.name.starts_with("pack/");
        if (!looked_at) continue;
        bool const pack = info.name.starts_with("pack/");
        auto const level = pack ? VerifyLevel::read_data : VerifyLevel::structure;
        auto const whole = UpkeepWorld::must(other_->read(info.name, 0, info.size_bytes, {}));
        other_->tamper(info.name, [](Bytes& body) { std::ranges::fill(body, std::byte{0}); });
        auto const report = check(level);
        ASSERT_EQ(report.findings_total, 1u) << info.name;
        EXPECT_EQ(report.findings[0].object, info.name);
        EXPECT_TRUE(report.findings[0].repairable) << info.name;
        EXPECT_THAT(report.findings[0].detail, ::testing::HasSubstr("other")) << info.name;
        ASSERT_TRUE(other_->put(info.name, whole, store::PutMode::replace, {}));
    }
    for (auto const& name : world_.names("pack/m/")) ASSERT_TRUE(other_->remove(name, {}));
    auto const report = UpkeepWorld::must(verify(
        *repository, {.level = VerifyLevel::read_data, .snapshots = {snapshot.session}}, {}));
    EXPECT_TRUE(report.passed());
    EXPECT_EQ(report.destinations_read, 1u);
    EXPECT_EQ(report.unread.size(), 1u);
}

}  // namespace
}  // namespace perdure::repository
