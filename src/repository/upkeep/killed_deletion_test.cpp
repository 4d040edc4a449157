// A deletion says in the place of its session's lease that it is at work. One that is killed leaves
// that behind: nobody waits for it, and nothing is lost by it.
#include <gmock/gmock.h>

#include "repository/lease.h"
#include "repository/own_sessions.h"
#include "repository/upkeep/collect/collect.h"
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

/// Two destinations, of which the second missed a collection, and two snapshots on both.
class Place {
public:
    Place() {
        both_ = mirror(world_.memory, two_);
        UpkeepWorld::must(sync_legs(*both_, {}, {}));
        TreeModel collected = make_tree(3);
        kept_ = backup(kept_tree_);
        doomed_ = backup(doomed_tree_);
        auto const old = backup(collected);
        world_.remove(old);
        collect_at(world_.memory);
        world_.tick();
    }

    /// The program that deletes makes `calls` of the stores and is killed. False: it got to its
    /// end.
    bool kill_deletion_after(int calls) {
        bool begun = false, killed = false;
        auto const script = [&](store::Operation, std::string const&, std::uint64_t) {
            killed = killed || (begun && calls-- == 0);
            return store::Mishap{.kind = killed ? store::Mishap::Kind::refuse
                                                : store::Mishap::Kind::none};
        };
        auto const repository =
            world_.open(mirror(std::make_shared<store::FaultStore>(world_.memory, script),
                               std::make_shared<store::FaultStore>(two_, script)));
        begun = true;
        auto const deleted = repository->remove_snapshot(doomed_.session, {});
        begun = false;
        world_.tick();
        return killed;
    }

    void expect_no_waiting_for_a_change_of_keys(int calls) {
        auto const repository = world_.open(both_);
        ChangeOptions options;
        options.sessions_settled = [&](std::uint64_t epoch, std::stop_token stop) {
            return living_know_epoch(*both_, *both_, epoch, {}, std::move(stop));
        };
        auto const report = UpkeepWorld::must(repository->keyring().rotate(options, {}));
        EXPECT_TRUE(report.complete && !report.waits_for_sessions) << calls;
    }

    void expect_whole_sync(int calls) {
        world_.tick();
        auto const report = UpkeepWorld::must(sync_legs(*both_, {}, {}));
        EXPECT_THAT(report.findings, IsEmpty()) << calls;
        for (auto const& leg : report.legs) EXPECT_TRUE(leg.complete) << calls << leg.problem;
        for (char const* prefix : {"pack/", "index/", "snapshot/", "collect/"})
            EXPECT_EQ(UpkeepWorld::names_in(*world_.memory, prefix),
                      UpkeepWorld::names_in(*two_, prefix))
                << calls << prefix;
    }

    void expect_collected(int calls) {
        auto const report = collect_at(both_);
        EXPECT_THAT(report.waits_for, IsEmpty()) << calls;
        EXPECT_THAT(report.kept_because, IsEmpty()) << calls;
        EXPECT_EQ(report.packs_deleted > 0, gone()) << calls;
    }

    /// Where one destination knows of the deletion and the other does not, a collection may refuse;
    /// nothing else may come of it.
    void try_to_collect(int calls) {
        world_.tick();
        auto const done = collect(*world_.open(both_), {.grace = std::chrono::seconds(0)}, {});
        if (done) {
            EXPECT_THAT(done->waits_for, IsEmpty()) << calls;
        } else {
            EXPECT_EQ(done.error().fault(), Fault::conflict) << calls << done.error().message();
        }
    }

    void expect_nothing_lost(int calls) {
        for (auto const& leg : legs()) {
            EXPECT_TRUE(world_.restored(kept_, leg) == UpkeepWorld::files_of(kept_tree_)) << calls;
            if (state_at(*leg) == SessionState::committed) {
                EXPECT_TRUE(world_.restored(doomed_, leg) == UpkeepWorld::files_of(doomed_tree_))
                    << calls;
            }
            EXPECT_TRUE(UpkeepWorld::must(verify(*world_.open(leg), {}, {})).passed()) << calls;
        }
    }

    void expect_forgotten_after_a_day(int calls) {
        world_.tick(lease_lifetime / std::chrono::seconds(1) + 60);
        collect_at(both_);
        for (auto const& leg : legs())
            EXPECT_THAT(UpkeepWorld::names_in(*leg, "lease/"), IsEmpty()) << calls;
    }

    bool is_announced() {
        return !UpkeepWorld::names_in(*world_.memory, "lease/").empty() ||
               !UpkeepWorld::names_in(*two_, "lease/").empty();
    }
    bool gone() { return state_at(*world_.memory) == SessionState::gone; }

private:
    static std::shared_ptr<store::MirrorStore> mirror(std::shared_ptr<store::ObjectStore> one,
                                                      std::shared_ptr<store::ObjectStore> two) {
        return UpkeepWorld::must(store::MirrorStore::create(
            {{"one", std::move(one), std::nullopt}, {"two", std::move(two), std::nullopt}}));
    }
    Snapshot backup(TreeModel& model) {
        return UpkeepWorld::must(world_.try_backup(*world_.open(both_), model));
    }
    CollectReport collect_at(std::shared_ptr<store::ObjectStore> const& store) {
        world_.tick();
        return UpkeepWorld::must(
            collect(*world_.open(store), {.grace = std::chrono::seconds(0)}, {}));
    }
    std::vector<std::shared_ptr<store::ObjectStore>> legs() { return {world_.memory, two_}; }
    SessionState state_at(store::ObjectStore& leg) {
        return UpkeepWorld::must(session_state(leg, doomed_.session, {}));
    }

    UpkeepWorld world_;
    std::shared_ptr<store::MemoryStore> two_ = std::make_shared<store::MemoryStore>(
        store::MemoryOptions{.clock = &world_.clock, .label = "two"});
    std::shared_ptr<store::MirrorStore> both_;
    TreeModel kept_tree_ = make_tree(1), doomed_tree_ = make_tree(2);
    Snapshot kept_, doomed_;
};

TEST(KilledDeletion, WhereverItWasKilledNobodyWaitsForItAndNothingIsLost) {
    int announced = 0, gone = 0;
    for (int calls = 0;; ++calls) {
        Place place;
        bool const killed = place.kill_deletion_after(calls);
        announced += place.is_announced();
        place.expect_no_waiting_for_a_change_of_keys(calls);
        place.try_to_collect(calls);
        place.expect_nothing_lost(calls);
        place.expect_whole_sync(calls);
        place.expect_collected(calls);
        place.expect_nothing_lost(calls);
        place.expect_forgotten_after_a_day(calls);
        place.expect_nothing_lost(calls);
        gone += place.gone();
        if (!killed) break;
        ASSERT_LT(calls, 200);
    }
    EXPECT_GT(announced, 3);
    EXPECT_GT(gone, 1);
}

}  // namespace
}  // namespace perdure::repository
