#include <gmock/gmock.h>

#include "repository/upkeep/repair/repair.h"
#include "repository/upkeep/repair/sync.h"
#include "repository/upkeep/upkeep_world.h"
#include "repository/upkeep/verify/verify.h"
#include "store/wrap/mirror.h"

namespace perdure::repository {
namespace {

using testing::make_tree;
using testing::TreeModel;
using testing::UpkeepWorld;

class SilenceTest : public ::testing::Test {
protected:
    SilenceTest() {
        TreeModel model = make_tree(1);
        world_.backup(model);
        auto const both = mirror_of({world_.memory, other_});
        UpkeepWorld::must(sync_legs(*both, {}, {}));
    }
    static std::shared_ptr<store::MirrorStore> mirror_of(
        std::vector<std::shared_ptr<store::ObjectStore>> const& places) {
        std::vector<store::MirrorLeg> legs;
        for (auto const& place : places) legs.push_back({place->describe(), place, std::nullopt});
        return UpkeepWorld::must(store::MirrorStore::create(std::move(legs)));
    }
    /// From its n-th call on it answers to nobody.
    static void fall_silent(store::FaultStore& store, std::uint64_t after) {
        auto const last = store.calls() + after;
        store.set_script([last](store::Operation, std::string const&, std::uint64_t number) {
            return number > last ? store::Mishap{.kind = store::Mishap::Kind::refuse}
                                 : store::Mishap{};
        });
    }
    UpkeepWorld world_;
    std::shared_ptr<store::MemoryStore> other_ = std::make_shared<store::MemoryStore>(
        store::MemoryOptions{.clock = &world_.clock, .label = "other"});
};

TEST_F(SilenceTest, WhereverADestinationFallsSilentWhatTheOtherHoldsIsProven) {
    std::vector<std::shared_ptr<store::ObjectStore>> const places{world_.memory, other_};
    for (std::size_t victim : {0u, 1u}) {
        for (std::uint64_t after = 0;; ++after) {
            auto const faulty = std::make_shared<store::FaultStore>(places[victim]);
            auto now = places;
            now[victim] = faulty;
            auto const mirror = mirror_of(now);
            auto const repository = world_.open(mirror);
            auto const before = faulty->calls();
            fall_silent(*faulty, after);
            auto const report = verify(*repository, {.level = VerifyLevel::read_data}, {});
            ASSERT_TRUE(report) << victim << " after " << after << report.error().message();
            EXPECT_EQ(report->findings_total, 0u)
                << report->findings.at(0).object << " " << report->findings.at(0).detail;
            EXPECT_EQ(report->snapshots, 1u);
            EXPECT_GE(report->blobs_read, report->blobs) << victim << " after " << after;
            if (faulty->calls() - before <= after) {
                EXPECT_EQ(report->destinations_read, 2u);
                EXPECT_GT(after, 20u);
                break;
            }
            bool const noticed = mirror->health().at(victim).degraded;
            ASSERT_TRUE(noticed || report->unread.size() == 1) << victim << " after " << after;
            for (auto const& problem : report->unread) {
                EXPECT_EQ(problem.path, places[victim]->describe());
                EXPECT_EQ(report->destinations_read, 1u);
            }
        }
    }
}

TEST_F(SilenceTest, WhereverADestinationFallsSilentTheOtherIsMendedAndNothingIsCalledLost) {
    std::vector<std::shared_ptr<store::MemoryStore>> const places{world_.memory, other_};
    auto const snapshot = *world_.names("snapshot/").begin();
    auto const pack = *world_.names("pack/d/").begin();
    for (std::size_t victim : {0u, 1u}) {
        auto& stays = *places[1 - victim];
        for (std::uint64_t after = 0;; ++after) {
            auto const flip = [](Bytes& body) { body.at(60) ^= std::byte{1}; };
            stays.tamper(snapshot, flip);
            stays.tamper(pack, flip);
            auto const faulty = std::make_shared<store::FaultStore>(places[victim]);
            std::vector<std::shared_ptr<store::ObjectStore>> now{places[0], places[1]};
            now[victim] = faulty;
            auto const mirror = mirror_of(now);
            auto const repository = world_.open(mirror);
            auto const before = faulty->calls();
            fall_silent(*faulty, after);
            auto const report = repair(*repository, {}, {});
            ASSERT_TRUE(report) << victim << " after " << after << report.error().message();
            EXPECT_EQ(report->losses_total, 0u) << victim << " after " << after;
            EXPECT_TRUE(report->left.empty()) << victim << " after " << after;
            EXPECT_EQ(report->mended.size(), 2u) << victim << " after " << after;
            auto const alone = world_.open(places[1 - victim]);
            EXPECT_EQ(verify(*alone, {.level = VerifyLevel::read_data}, {})->findings_total, 0u);
            if (faulty->calls() - before <= after) {
                EXPECT_TRUE(report->unread.empty());
                EXPECT_GT(after, 20u);
                break;
            }
            bool const noticed = mirror->health().at(victim).degraded;
            EXPECT_TRUE(noticed || report->unread.size() == 1) << victim << " after " << after;
        }
    }
}

TEST_F(SilenceTest, WhatTheSilentOneMayHoldIsLeftAndNotForgotten) {
    Bytes const whole = UpkeepWorld::must(
        store::read_all(*world_.memory, *world_.names("pack/d/").begin(), 1 << 24, {}));
    for (std::size_t victim : {0u, 1u}) {
        std::vector<std::shared_ptr<store::MemoryStore>> const places{world_.memory, other_};
        for (std::uint64_t after = 0;; ++after) {
            places[1 - victim]->tamper(*world_.names("pack/d/").begin(), [](Bytes& body) {
                std::ranges::fill(std::span(body).subspan(1000), std::byte{0});
            });
            auto const faulty = std::make_shared<store::FaultStore>(places[victim]);
            std::vector<std::shared_ptr<store::ObjectStore>> now{places[0], places[1]};
            now[victim] = faulty;
            auto const repository = world_.open(mirror_of(now));
            auto const before = faulty->calls();
            fall_silent(*faulty, after);
            auto const report = repair(*repository, {}, {});
            ASSERT_TRUE(report) << victim << " after " << after << report.error().message();
            EXPECT_EQ(report->losses_total, 0u) << victim << " after " << after;
            EXPECT_EQ(report->left.size() + report->mended.size(), 1u) << victim << after;
            EXPECT_TRUE(report->left.empty() || report->unread.size() == 1) << victim << after;
            auto const again = repair(*world_.open(mirror_of({places[0], places[1]})), {}, {});
            ASSERT_TRUE(again);
            EXPECT_TRUE(again->left.empty());
            EXPECT_EQ(UpkeepWorld::must(store::read_all(
                          *places[1 - victim], *world_.names("pack/d/").begin(), 1 << 24, {})),
                      whole);
            if (faulty->calls() - before <= after) break;
        }
        auto const snapshots = world_.open(places[1 - victim])->snapshots(nullptr, {});
        EXPECT_TRUE(world_.restored(snapshots->front(), places[1 - victim]) ==
                    UpkeepWorld::files_of(make_tree(1)));
    }
}

TEST_F(SilenceTest, WhereNobodyIsLeftTheCheckSaysSo) {
    for (std::uint64_t after = 0;; ++after) {
        auto const faulty = std::make_shared<store::FaultStore>(world_.memory);
        auto const repository = world_.open(faulty);
        auto const before = faulty->calls();
        fall_silent(*faulty, after);
        auto const report = verify(*repository, {.level = VerifyLevel::read_data}, {});
        if (faulty->calls() - before <= after) {
            EXPECT_TRUE(report && report->passed());
            break;
        }
        ASSERT_FALSE(report) << after;
        EXPECT_EQ(report.error().fault(), Fault::unavailable) << report.error().message();
    }
}

/// One object of a destination that answers is named; the destination is looked at all the same.
TEST_F(SilenceTest, WhatADestinationAloneDoesNotGiveIsAFinding) {
    for (char const* prefix : {"snapshot/", "pack/d/", "index/", "keyring/m/"}) {
        auto const faulty = std::make_shared<store::FaultStore>(other_);
        auto const repository = world_.open(mirror_of({world_.memory, faulty}));
        faulty->set_script(
            store::always(store::Operation::read, prefix, {.kind = store::Mishap::Kind::refuse}));
        auto const report =
            UpkeepWorld::must(verify(*repository, {.level = VerifyLevel::read_data}, {}));
        ASSERT_EQ(report.findings_total, 1u) << prefix;
        EXPECT_THAT(report.findings[0].object, ::testing::StartsWith(prefix));
        EXPECT_EQ(report.findings[0].kind, Finding::Kind::unreadable) << prefix;
        EXPECT_EQ(report.destinations_read, 2u);
    }
}

}  // namespace
}  // namespace perdure::repository
