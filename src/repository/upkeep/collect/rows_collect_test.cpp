#include <gmock/gmock.h>

#include "repository/testing/fake_rows.h"
#include "repository/upkeep/collect/collect.h"
#include "repository/upkeep/repair/repair.h"
#include "repository/upkeep/statistics.h"
#include "repository/upkeep/upkeep_world.h"
#include "repository/upkeep/verify/verify.h"

namespace perdure::repository {
namespace {

using testing::FakeRowReader;
using testing::FakeRowTarget;
using testing::random_bytes;
using testing::RowModel;
using testing::UpkeepWorld;

class RowsCollectTest : public ::testing::Test {
protected:
    RowsCollectTest() {
        for (int person = 0; person < 4; ++person) {
            std::string const subject = "person-" + std::to_string(person);
            for (unsigned i = 0; i < 60; ++i) {
                auto const number = static_cast<unsigned>(person) * 1000 + i;
                model_.rows[{1, RowModel::rowid(number)}] = {subject, random_bytes(400, number)};
            }
            model_.add_media(subject + ".jpg", subject,
                             random_bytes(30'000, static_cast<unsigned>(person) + 500), 1000);
        }
        model_.rows[{2, RowModel::rowid(1)}] = {"", random_bytes(500, 9)};
    }
    Snapshot backup(SourceSnapshot const* parent = nullptr) {
        world_.tick();
        auto const repository = world_.open();
        auto session = UpkeepWorld::must(repository->begin({}));
        FakeRowReader reader(model_);
        Snapshot snapshot;
        auto source = UpkeepWorld::must(write_rows(reader, "app", parent, session->context(), {}));
        source.name = "app";
        source.rows = true;
        snapshot.sources = {std::move(source)};
        auto const committed = UpkeepWorld::must(session->commit(std::move(snapshot), {}));
        world_.tick();
        return committed;
    }
    FakeRowTarget restored(Snapshot const& snapshot) {
        auto const repository = world_.open();
        auto context = repository->read_context();
        FakeRowTarget target;
        UpkeepWorld::must(restore_rows(snapshot.sources.at(0), target, context, {}));
        EXPECT_TRUE(context.problems.empty());
        return target;
    }
    void expect_restores(Snapshot const& snapshot, std::string const& without = "nobody") {
        FakeRowTarget const target = restored(snapshot);
        std::map<RowModel::Key, Bytes> rows;
        for (auto const& [key, row] : model_.rows)
            if (row.subject != without) rows[key] = row.payload;
        EXPECT_TRUE(target.rows == rows);
        std::size_t media = 0;
        for (auto const& [path, item] : model_.media) media += item.subject != without ? 1 : 0;
        EXPECT_EQ(target.media.size(), media);
    }
    CollectReport collect_now(double live_fraction_min = 0.5) {
        world_.tick();
        return UpkeepWorld::must(collect(
            *world_.open(),
            {.grace = std::chrono::seconds(0), .live_fraction_min = live_fraction_min}, {}));
    }
    void erase(std::string const& subject) {
        auto const repository = world_.open();
        ChangeOptions options;
        options.sessions_settled = [](std::uint64_t, std::stop_token) -> Result<bool> {
            return true;
        };
        UpkeepWorld::must(repository->keyring().erase({{"app", to_bytes(subject)}}, options, {}));
        world_.tick();
    }
    UpkeepWorld world_;
    RowModel model_;
};

TEST_F(RowsCollectTest, WhatBelongsToAnErasedPersonIsFreedAndNobodyElseLosesARow) {
    auto const snapshot = backup();
    expect_restores(snapshot);
    auto const before = UpkeepWorld::must(measure(*world_.open(), {}));
    EXPECT_EQ(collect_now(0.95).blobs_dead, 0u);
    erase("person-2");
    expect_restores(snapshot, "person-2");
    auto const report = collect_now(0.95);
    EXPECT_GE(report.bytes_dead, 30'000u + 60 * 400);
    EXPECT_GT(report.packs_deleted, 0u);
    expect_restores(snapshot, "person-2");
    auto const after = UpkeepWorld::must(measure(*world_.open(), {}));
    EXPECT_LT(after.data_packs.bytes, before.data_packs.bytes);
    auto const verified =
        UpkeepWorld::must(verify(*world_.open(), {.level = VerifyLevel::read_data}, {}));
    EXPECT_TRUE(verified.passed()) << verified.findings.at(0).detail;
}

TEST_F(RowsCollectTest, ChangesStayReadableWhenTheirBasesMove) {
    auto const first = backup();
    for (auto& [key, row] : model_.rows) {
        if (key.second.back() % 20 == 0)
            row.payload = random_bytes(400, 12345 + row.payload.size());
    }
    auto const second = backup(&first.sources[0]);
    world_.remove(first);
    for (int round = 0; round < 3; ++round) {
        collect_now(1.0);
        expect_restores(second);
        world_.tick(25 * 3600);
    }
    auto const verified =
        UpkeepWorld::must(verify(*world_.open(), {.level = VerifyLevel::read_data}, {}));
    EXPECT_TRUE(verified.passed()) << verified.findings.at(0).detail;
}

TEST_F(RowsCollectTest, ADeltaWhoseBaseWasCondemnedIsStoredWhole) {
    auto const first = backup();
    world_.remove(first);
    world_.tick();
    auto const condemning = UpkeepWorld::must(
        collect(*world_.open(), {.grace = std::chrono::days(7), .live_fraction_min = 1.0}, {}));
    ASSERT_GT(condemning.packs_condemned, 0u);
    ASSERT_EQ(condemning.packs_deleted, 0u);
    for (auto& [key, row] : model_.rows) {
        if (key.second.back() % 20 == 0) row.payload = random_bytes(400, 777 + row.payload.size());
    }
    auto const second = backup(&first.sources[0]);  // finds its parent, which is on its way out
    world_.tick(8 * 24 * 3600);
    EXPECT_GT(collect_now().packs_deleted, 0u);
    expect_restores(second);
    auto const verified =
        UpkeepWorld::must(verify(*world_.open(), {.level = VerifyLevel::read_data}, {}));
    EXPECT_TRUE(verified.passed()) << verified.findings.at(0).detail;
}

TEST_F(RowsCollectTest, AHandleThatTheKeyringNeverHeardOfStopsEverything) {
    auto const snapshot = backup();
    auto const additions = world_.names("keyring/a/");
    ASSERT_FALSE(additions.empty());
    for (auto const& name : additions) ASSERT_TRUE(world_.memory->remove(name, {}));
    auto const before = world_.names("pack/");
    auto repository = world_.try_open(nullptr);
    if (repository) {
        auto const result = collect(**repository, {.grace = std::chrono::seconds(0)}, {});
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().fault(), Fault::corrupt);
        auto const verified = UpkeepWorld::must(verify(**repository, {}, {}));
        EXPECT_FALSE(verified.passed());
    }
    EXPECT_EQ(world_.names("pack/"), before);
}

TEST_F(RowsCollectTest, LostRowsAreNamed) {
    auto const snapshot = backup();
    auto const wreck = [](Bytes& body) { std::ranges::fill(body, std::byte{3}); };
    for (auto const& name : world_.names("pack/d/")) world_.memory->tamper(name, wreck);
    auto const report = UpkeepWorld::must(repair(*world_.open(), {}, {}));
    EXPECT_GT(report.losses_total, 0u);
    EXPECT_EQ(report.losses.at(0).source, "app");
    EXPECT_FALSE(report.left.empty());
}

}  // namespace
}  // namespace perdure::repository
