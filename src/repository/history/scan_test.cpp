#include <gtest/gtest.h>

#include <random>

#include "repository/history/scan_rows.h"
#include "repository/testing/fake_blobs.h"
#include "repository/testing/fake_rows.h"

namespace perdure::repository {
namespace {

using testing::FakeBlobs;
using testing::FakeDomains;
using testing::FakeRowReader;
using testing::RowModel;

struct ScanTest : ::testing::Test {
    FakeBlobs blobs;
    FakeDomains domains;
    RowModel model;
    std::mt19937_64 random{5};
    std::vector<SourceSnapshot> snapshots;
    std::vector<RowModel> models;

    void back_up() {
        WriteContext context{.blobs = blobs, .known = blobs, .domains = domains, .chunk_key = {}};
        FakeRowReader reader(model);
        auto result =
            write_rows(reader, "app", snapshots.empty() ? nullptr : &snapshots.back(), context, {});
        ASSERT_TRUE(result);
        result->rows = true;
        snapshots.push_back(std::move(*result));
        models.push_back(model);
    }
    void edit(int count) {
        for (int i = 0; i < count; ++i) {
            RowModel::Key const key{static_cast<std::uint32_t>(random() % 3),
                                    RowModel::rowid(random() % 3000)};
            Bytes payload(random() % 200);
            for (auto& byte : payload) byte = static_cast<std::byte>(random());
            auto const person = "person-" + std::to_string(random() % 30);
            if (random() % 5 == 0) {
                model.rows.erase(key);
            } else {
                model.rows[key] = {random() % 2 ? person : "", payload};
            }
        }
    }
    std::vector<SourceSnapshot const*> all() const {
        std::vector<SourceSnapshot const*> out;
        for (auto const& snapshot : snapshots) out.push_back(&snapshot);
        return out;
    }
};

TEST_F(ScanTest, EveryVersionOfEveryRowIsSeenWithItsSnapshots) {
    edit(4000);
    for (int i = 0; i < 12; ++i) {
        edit(1 << (i % 8));
        back_up();
    }
    using Version = std::pair<RowModel::Key, Bytes>;
    std::map<Version, std::vector<bool>> expected, seen;
    for (std::size_t i = 0; i < models.size(); ++i) {
        for (auto const& [key, row] : models[i].rows) {
            auto& members = expected[{key, row.payload}];
            members.resize(models.size());
            members[i] = true;
        }
    }
    PresenceSets sets(snapshots.size());
    ReadContext context{.blobs = blobs, .domains = domains};
    RowScanOptions options;
    options.each = [&](RowSighting const& sighting) -> Result<void> {
        auto& members = seen[{{sighting.row.table, to_string(sighting.row.key)},
                              to_bytes(sighting.row.payload)}];
        members.resize(models.size());
        auto const& in = sets.members(sighting.in);
        for (std::size_t i = 0; i < in.size(); ++i) members[i] = members[i] || in[i];
        return {};
    };
    ASSERT_TRUE(scan_rows(all(), options, sets, context, {}));
    EXPECT_EQ(seen, expected);
}

TEST_F(ScanTest, ThirtySnapshotsAreReadAsManyTimesAsTheyHaveDistinctBlobs) {
    edit(20'000);
    for (int i = 0; i < 30; ++i) {
        edit(3);
        back_up();
    }
    std::set<BlobId> distinct;
    for (auto const& source : snapshots) {
        Snapshot snapshot;
        snapshot.sources.push_back(source);
        ReadContext context{.blobs = blobs, .domains = domains};
        ASSERT_TRUE(walk_blobs(snapshot,
                               [&](BlobId const& id, Handle const&) -> Result<void> {
                                   distinct.insert(id);
                                   return {};
                               },
                               context, {}));
    }
    blobs.reads = 0;
    PresenceSets sets(snapshots.size());
    ReadContext context{.blobs = blobs, .domains = domains};
    RowScanOptions options;
    options.each = [](RowSighting const&) -> Result<void> { return {}; };
    auto const report = scan_rows(all(), options, sets, context, {});
    ASSERT_TRUE(report);
    EXPECT_LE(blobs.reads, distinct.size());
    EXPECT_GT(report->blocks_named, 5 * report->blocks_read) << "nothing was shared";
}

TEST_F(ScanTest, ErasedPeopleAreCountedAndNobodyElseIsLost) {
    for (int person = 0; person < 3; ++person) {
        model.rows[{1, RowModel::rowid(static_cast<std::uint64_t>(person))}] = {
            "person-" + std::to_string(person), to_bytes("secret")};
    }
    back_up();
    domains.erase((*domains.of_subject("app", as_bytes("person-1")))->handle());
    PresenceSets sets(1);
    ReadContext context{.blobs = blobs, .domains = domains};
    RowScanOptions options;
    int rows = 0;
    options.each = [&](RowSighting const&) -> Result<void> {
        ++rows;
        return {};
    };
    auto const report = scan_rows(all(), options, sets, context, {});
    ASSERT_TRUE(report);
    EXPECT_EQ(rows, 2);
    EXPECT_EQ(report->erased_subjects, 1u);
    EXPECT_EQ(report->erased_blocks, 1u);
    EXPECT_TRUE(context.problems.empty());
}

}  // namespace
}  // namespace perdure::repository
