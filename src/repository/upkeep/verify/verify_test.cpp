#include "repository/upkeep/verify/verify.h"

#include <gmock/gmock.h>

#include "repository/lease.h"
#include "repository/upkeep/collect/collect.h"
#include "repository/upkeep/repair/repair.h"
#include "repository/upkeep/upkeep_world.h"

namespace perdure::repository {
namespace {

using ::testing::IsEmpty;
using testing::make_tree;
using testing::TreeModel;
using testing::UpkeepWorld;

class VerifyTest : public ::testing::Test {
protected:
    VerifyReport check(VerifyLevel level, std::vector<SessionId> snapshots = {}) {
        return UpkeepWorld::must(
            verify(*world_.open(), {.level = level, .snapshots = std::move(snapshots)}, {}));
    }
    std::string one_name(std::string const& prefix) { return *world_.names(prefix).begin(); }
    void flip(std::string const& name, std::size_t offset) {
        world_.memory->tamper(name, [&](Bytes& body) { body.at(offset) ^= std::byte{1}; });
    }
    UpkeepWorld world_;
};

TEST_F(VerifyTest, AHealthyRepositoryPassesEveryLevelAndIsNotChanged) {
    TreeModel model = make_tree(1), other = make_tree(2);
    auto const first = world_.backup(model);
    world_.backup(other, &first.sources[0]);
    auto const before = world_.objects("");
    for (auto level : {VerifyLevel::structure, VerifyLevel::sample, VerifyLevel::read_data}) {
        auto const report = check(level);
        EXPECT_TRUE(report.passed()) << report.findings.at(0).object << report.findings[0].detail;
        EXPECT_EQ(report.snapshots, 2u);
        EXPECT_GT(report.blobs, 8u);
        EXPECT_EQ(report.packs_read == 0, level == VerifyLevel::structure);
    }
    auto const full = check(VerifyLevel::read_data);
    EXPECT_EQ(full.packs_read, full.packs);
    EXPECT_GE(full.blobs_read, full.blobs);
    EXPECT_EQ(world_.objects("").size(), before.size());
}

TEST_F(VerifyTest, AnEmptyRepositoryPasses) {
    EXPECT_TRUE(check(VerifyLevel::read_data).passed());
}

TEST_F(VerifyTest, AFlippedByteInAPackIsFoundAndSaidToBeRepairable) {
    TreeModel model = make_tree(1);
    world_.backup(model);
    auto const pack = one_name("pack/d/");
    flip(pack, 5000);
    EXPECT_TRUE(check(VerifyLevel::structure).passed());
    auto const report = check(VerifyLevel::read_data);
    ASSERT_EQ(report.findings_total, 1u);
    EXPECT_EQ(report.findings[0].object, pack);
    EXPECT_EQ(report.findings[0].kind, Finding::Kind::damaged);
    EXPECT_TRUE(report.findings[0].repairable);
}

TEST_F(VerifyTest, ADamagedParitySuffixIsFound) {
    TreeModel model = make_tree(1);
    world_.backup(model);
    auto const pack = one_name("pack/d/");
    auto const size = world_.objects(pack).at(0).size_bytes;
    flip(pack, size - 100);
    auto const report = check(VerifyLevel::read_data);
    ASSERT_EQ(report.findings_total, 1u);
    EXPECT_TRUE(report.findings[0].repairable);
    world_.memory->tamper(pack, [&](Bytes& body) { body.resize(size - 50); });
    EXPECT_EQ(check(VerifyLevel::read_data).findings_total, 1u);
    // Cut off whole, it leaves a body that fits its hash.
    std::uint64_t body_bytes = 0;
    for (auto const& row : world_.open()->index()->packs())
        if (row.name().text() == pack) body_bytes = row.body_bytes;
    ASSERT_LT(body_bytes, size - 50);
    world_.memory->tamper(pack, [&](Bytes& body) { body.resize(body_bytes); });
    auto const cut = check(VerifyLevel::read_data);
    ASSERT_EQ(cut.findings_total, 1u);
    EXPECT_EQ(cut.findings[0].object, pack);
    EXPECT_TRUE(cut.findings[0].repairable);
    EXPECT_EQ(UpkeepWorld::must(repair(*world_.open(), {}, {})).mended.size(), 1u);
    EXPECT_TRUE(check(VerifyLevel::read_data).passed());
    EXPECT_EQ(world_.objects(pack).at(0).size_bytes, size);
}

TEST_F(VerifyTest, RightLengthWrongBytesIsFound) {
    // bupstash #357
    TreeModel model = make_tree(1);
    world_.backup(model);
    auto const pack = one_name("pack/d/");
    world_.memory->tamper(pack, [](Bytes& body) { std::ranges::fill(body, std::byte{0}); });
    auto const report = check(VerifyLevel::read_data);
    EXPECT_FALSE(report.passed());
    EXPECT_FALSE(report.findings[0].repairable);
}

TEST_F(VerifyTest, AMissingPackIsFoundByStructureAlone) {
    TreeModel model = make_tree(1);
    world_.backup(model);
    ASSERT_TRUE(world_.memory->remove(one_name("pack/d/"), {}));
    auto const report = check(VerifyLevel::structure);
    ASSERT_FALSE(report.passed());
    EXPECT_EQ(report.findings[0].kind, Finding::Kind::missing);
    EXPECT_THAT(report.findings[0].object, ::testing::StartsWith("blob "));
}

TEST_F(VerifyTest, ATruncatedPackIsFoundByStructureAlone) {
    TreeModel model = make_tree(1);
    world_.backup(model);
    auto const pack = one_name("pack/d/");
    world_.memory->tamper(pack, [](Bytes& body) { body.resize(body.size() / 2); });
    auto const report = check(VerifyLevel::structure);
    ASSERT_EQ(report.findings_total, 1u);
    EXPECT_EQ(report.findings[0].object, pack);
}

TEST_F(VerifyTest, ASnapshotThatTheStoreHidesIsAGap) {
    std::vector<Snapshot> made;
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        TreeModel model = make_tree(seed);
        made.push_back(world_.backup(model));
        world_.tick();
    }
    EXPECT_THAT(check(VerifyLevel::structure).gaps, IsEmpty());
    ASSERT_TRUE(world_.memory->remove(snapshot_name(made[1].session), {}));
    auto const report = check(VerifyLevel::structure);
    EXPECT_TRUE(report.passed()) << "what is here is whole";
    ASSERT_EQ(report.gaps.size(), 1u);
    EXPECT_EQ(report.gaps[0].kind, Finding::Kind::gap);
    EXPECT_THAT(report.gaps[0].detail,
                ::testing::StartsWith("snapshot 2 of this writer is missing"));
    // Another one that is deleted explains itself, not the hidden one.
    world_.remove(made[2]);
    ASSERT_EQ(check(VerifyLevel::structure).gaps.size(), 1u);
    EXPECT_THAT(check(VerifyLevel::structure).gaps[0].detail, ::testing::HasSubstr("2–3"));
    EXPECT_THAT(check(VerifyLevel::structure, {made[3].session}).gaps, IsEmpty());
}

TEST_F(VerifyTest, DeletedAndDamagedSnapshotsAreNoGaps) {
    std::vector<Snapshot> made;
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        TreeModel model = make_tree(seed);
        made.push_back(world_.backup(model));
        world_.tick();
    }
    for (std::size_t deleted : {0u, 2u, 4u}) {
        world_.remove(made[deleted]);
        EXPECT_THAT(check(VerifyLevel::structure).gaps, IsEmpty()) << deleted;
    }
    TreeModel model = make_tree(9);
    world_.backup(model);  // takes the number of the newest, which was deleted
    EXPECT_THAT(check(VerifyLevel::structure).gaps, IsEmpty());
    world_.memory->tamper(snapshot_name(made[1].session),
                          [](Bytes& body) { std::ranges::fill(body, std::byte{0}); });
    EXPECT_THAT(check(VerifyLevel::structure).gaps, IsEmpty()) << "told as damage instead";
}

TEST_F(VerifyTest, TwoSnapshotsOfOneNumberAreNoGap) {
    TreeModel model = make_tree(1);
    auto const first = world_.backup(model);
    auto const hidden =
        world_.memory->read(snapshot_name(first.session), 0,
                            world_.objects(snapshot_name(first.session)).at(0).size_bytes, {});
    ASSERT_TRUE(hidden);
    // Written where the first could not be seen: a destination that was away.
    ASSERT_TRUE(world_.memory->remove(snapshot_name(first.session), {}));
    EXPECT_EQ(world_.backup(model).sequence, 1u);
    ASSERT_TRUE(
        world_.memory->put(snapshot_name(first.session), *hidden, store::PutMode::if_absent, {}));
    EXPECT_EQ(world_.backup(model).sequence, 2u);
    EXPECT_THAT(check(VerifyLevel::structure).gaps, IsEmpty());
}

TEST_F(VerifyTest, AnUploadThatOnlyPretendedIsFound) {
    // a store that lies about success: the snapshot stands, the pack does not
    TreeModel model = make_tree(1);
    auto const lying = world_.open(std::make_shared<store::FaultStore>(
        world_.memory,
        store::always(store::Operation::put, "pack/d/", {.kind = store::Mishap::Kind::lie})));
    auto const committed = world_.try_backup(*lying, model);
    if (!committed) return;  // found even earlier
    EXPECT_FALSE(check(VerifyLevel::structure).passed());
}

TEST_F(VerifyTest, ADamagedSnapshotIsFound) {
    TreeModel model = make_tree(1);
    auto const snapshot = world_.backup(model);
    auto const name = snapshot_name(snapshot.session);
    flip(name, 60);
    auto const flipped = check(VerifyLevel::structure);
    ASSERT_EQ(flipped.findings_total, 1u);
    EXPECT_TRUE(flipped.findings[0].repairable);
    world_.memory->tamper(name, [](Bytes& body) { std::ranges::fill(body, std::byte{0}); });
    auto const lost = check(VerifyLevel::structure);
    ASSERT_GE(lost.findings_total, 1u);
    EXPECT_EQ(lost.findings[0].object, name);
    EXPECT_FALSE(lost.findings[0].repairable);
}

TEST_F(VerifyTest, ADamagedIndexIsFound) {
    TreeModel model = make_tree(1);
    world_.backup(model);
    auto repository = world_.open();
    auto const segment = one_name("index/");
    flip(segment, 100);
    auto const report = UpkeepWorld::must(verify(*repository, {}, {}));
    ASSERT_FALSE(report.passed());
    EXPECT_EQ(report.findings[0].object, segment);
    EXPECT_TRUE(report.findings[0].repairable);
}

TEST_F(VerifyTest, OneSnapshotCanBeCheckedAlone) {
    TreeModel model = make_tree(1), other = make_tree(2);
    auto const first = world_.backup(model);
    auto const packs_of_first = world_.names("pack/d/");
    auto const second = world_.backup(other);
    for (auto const& name : world_.names("pack/d/")) {
        if (!packs_of_first.contains(name)) flip(name, 5000);
    }
    EXPECT_TRUE(check(VerifyLevel::read_data, {first.session}).passed());
    EXPECT_FALSE(check(VerifyLevel::read_data, {second.session}).passed());
    EXPECT_EQ(verify(*world_.open(), {.snapshots = {SessionId{}}}, {}).error().fault(),
              Fault::not_found);
}

TEST_F(VerifyTest, SamplesReachEveryPackBeforeTheyRepeat) {
    auto scratch = UpkeepWorld::must(system::ScratchFolder::create());
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        TreeModel model = make_tree(seed);
        world_.backup(model);
    }
    auto const packs = world_.names("pack/");
    std::set<std::string> read;
    auto watched = std::make_shared<store::FaultStore>(
        world_.memory, [&](store::Operation operation, std::string const& name, std::uint64_t) {
            if (operation == store::Operation::read && name.starts_with("pack/d/"))
                read.insert(name);
            return store::Mishap{};
        });
    VerifyOptions options{.level = VerifyLevel::sample, .sample_fraction = 0.01, .threads = 1};
    for (std::size_t round = 0; round < packs.size(); ++round) {
        world_.tick(3600);
        auto repository = UpkeepWorld::must(Repository::open(watched, world_.secret,
                                                             {.cache_folder = scratch.path()},
                                                             {world_.clock, world_.random}, {}));
        EXPECT_LE(UpkeepWorld::must(verify(*repository, options, {})).packs_read, 2u);
    }
    EXPECT_EQ(read, world_.names("pack/d/"));
}

}  // namespace
}  // namespace perdure::repository
