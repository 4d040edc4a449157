#include <gtest/gtest.h>
#include <stdlib.h>

#include "repository/upkeep/collect/collect.h"
#include "repository/upkeep/repair/repair.h"
#include "repository/upkeep/upkeep_world.h"
#include "store/local/local_store.h"
#include "system/testing/lossy_disk.h"

namespace perdure::repository {
namespace {

using system::testing::LossyDisk;
using testing::make_tree;
using testing::TreeModel;
using testing::UpkeepWorld;

/// A repository in a real folder on a disk that loses what was not synced.
class CrashWorld {
public:
    explicit CrashWorld(UpkeepWorld& made) : made_(made) {
        auto scratch = UpkeepWorld::must(system::testing::create_fast_scratch());
        scratch_.emplace(std::move(scratch));
        auto const store = open_store();
        for (auto const& info : made.objects("")) {
            Bytes const body =
                UpkeepWorld::must(store::read_all(*made.memory, info.name, 1 << 26, {}));
            UpkeepWorld::must(store->put(info.name, body, store::PutMode::if_absent, {}));
        }
    }
    system::Path const& folder() const { return scratch_->path(); }
    std::shared_ptr<store::ObjectStore> open_store() {
        return UpkeepWorld::must(store::open_local({.root = folder()}));
    }
    Result<std::unique_ptr<Repository>> open() {
        PD_TRY(auto store, store::open_local({.root = folder()}));
        return Repository::open(std::move(store), made_.secret, {},
                                {system::real_clock(), made_.random}, {});
    }
    Result<Snapshot> backup(TreeModel& model) {
        PD_TRY(auto repository, open());
        PD_TRY(auto session, repository->begin({}));
        Snapshot snapshot;
        PD_CHECK(UpkeepWorld::fill(*session, model, nullptr, snapshot));
        return session->commit(std::move(snapshot), {});
    }
    Result<void> tidy() {
        PD_TRY(auto repository, open());
        PD_CHECK(repair(*repository, {.threads = 1}, {}));
        PD_CHECK(collect(*repository, {.grace = std::chrono::seconds(0)}, {}));
        return {};
    }

private:
    UpkeepWorld& made_;
    std::optional<system::ScratchFolder> scratch_;
};

struct Expected {
    Snapshot snapshot;
    TreeModel model;
};

void expect_restores(UpkeepWorld& world, CrashWorld& crash, Expected const& expected,
                     std::string const& where) {
    EXPECT_TRUE(world.restored(expected.snapshot, crash.open_store()) ==
                UpkeepWorld::files_of(expected.model))
        << where;
}

class CrashTest : public ::testing::Test {
protected:
    CrashTest() {
        TreeModel wide = make_tree(1, 6, 3000), narrow = make_tree(1, 2, 3000);
        TreeModel full = make_tree(3, 2, 3000), dead = make_tree(2, 2, 3000);
        auto const first = world_.backup(wide);
        committed_.push_back({world_.backup(narrow, &first.sources[0]), narrow});
        committed_.push_back({world_.backup(full), full});
        world_.remove(world_.backup(dead));
        world_.remove(first);
        auto const pack = world_.objects("pack/d/").front().name;  // something to repair
        world_.memory->tamper(pack, [](Bytes& body) { body.at(500) ^= std::byte{1}; });
        // Real folders have real times: these objects are of now, and so must the world's clock be.
        world_.clock.seconds = system::real_clock().now().seconds;
    }
    /// True when the crash came before everything was done.
    bool run(std::uint64_t step, std::uint64_t seed) {
        std::string const where = "step " + std::to_string(step) + " seed " + std::to_string(seed);
        CrashWorld crash(world_);
        LossyDisk disk(crash.folder());
        disk.crash_at(step);
        TreeModel fresh = make_tree(9, 2, 3000);
        auto const backup = crash.backup(fresh);
        if (backup) (void)crash.tidy();
        bool const crashed = disk.crashed();
        disk.power_cycle(seed);
        for (auto const& expected : committed_) expect_restores(world_, crash, expected, where);
        if (backup) expect_restores(world_, crash, {*backup, fresh}, where);
        check_all_listed(crash, where);
        auto const tidied = crash.tidy();
        EXPECT_TRUE(tidied) << where << " " << tidied.error().message();
        for (auto const& expected : committed_) expect_restores(world_, crash, expected, where);
        return crashed;
    }
    /// Nothing half-written is ever offered.
    void check_all_listed(CrashWorld& crash, std::string const& where) {
        auto repository = crash.open();
        ASSERT_TRUE(repository) << where << " " << repository.error().message();
        std::vector<data::Problem> damaged;
        auto const snapshots = UpkeepWorld::must((*repository)->snapshots(&damaged, {}));
        EXPECT_TRUE(damaged.empty()) << where;
        for (auto const& snapshot : snapshots) {
            auto const files = world_.restored(snapshot, crash.open_store());
            for (auto const& [path, content] : files) EXPECT_NE(path[0], '!') << where << path;
        }
    }
    UpkeepWorld world_;
    std::vector<Expected> committed_;
};

TEST_F(CrashTest, AtEveryStepOfBackupRepairAndCollectionNothingCommittedIsLost) {
    bool const all = ::getenv("PERDURE_LONG") != nullptr;
    std::uint64_t const stride = all ? 1 : 3;
    std::uint64_t crashes = 0;
    for (std::uint64_t step = 1; run(step, step * 7); step += stride) {
        for (std::uint64_t seed = 1; all && seed < 4; ++seed) run(step, seed);
        ++crashes;
        ASSERT_LT(step, 5000u);
    }
    EXPECT_GT(crashes * stride, 60u);
}

}  // namespace
}  // namespace perdure::repository
