// What rows that change, come and go add to a repository, for many repository keys: where blocks
// are cut depends on the key, and with some keys a block reaches its largest size.
#include <gtest/gtest.h>

#include <random>

#include "repository/testing/fake_blobs.h"
#include "repository/testing/fake_rows.h"

namespace perdure::repository {
namespace {

using testing::FakeBlobs;
using testing::FakeDomains;
using testing::FakeRowReader;
using testing::FakeRowTarget;
using testing::RowModel;

constexpr int keys_tried = 12;
constexpr std::uint64_t roster_bytes = 12'000;  ///< what the roster of two megabytes costs

struct ParentRows : ::testing::Test {
    FakeBlobs blobs;
    FakeDomains domains;
    RowModel model;
    std::mt19937_64 random{11};

    Bytes noise(std::size_t count) {
        Bytes bytes(count);
        for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
        return bytes;
    }
    void fill(int rows) {
        model.rows.clear();
        for (int row = 0; row < rows; ++row) {
            model.rows[{2, RowModel::rowid(row)}] = {"", noise(60 + random() % 80)};
        }
    }
    SourceSnapshot back_up(int key, SourceSnapshot const* parent = nullptr) {
        WriteContext context{.blobs = blobs, .known = blobs, .domains = domains, .chunk_key = {}};
        context.chunk_key.span()[0] = static_cast<std::byte>(key);
        context.clock = &system::real_clock();
        FakeRowReader reader(model);
        auto source = write_rows(reader, "app", parent, context, {});
        EXPECT_TRUE(source);
        return source ? *source : SourceSnapshot{};
    }
    /// Bytes that the model as it is now adds to what the parent holds; what comes back is checked.
    std::uint64_t added(int key, SourceSnapshot& source) {
        auto const before = blobs.statistics().bytes_stored;
        source = back_up(key, &source);
        FakeRowTarget target;
        ReadContext context{.blobs = blobs, .domains = domains};
        EXPECT_TRUE(restore_rows(source, target, context, {}));
        EXPECT_EQ(target.rows.size(), model.rows.size());
        for (auto const& [at, row] : model.rows) EXPECT_EQ(target.rows.at(at), row.payload);
        return blobs.statistics().bytes_stored - before;
    }
};

TEST_F(ParentRows, ScatteredChangesOfAnyLengthCostAtMostHalfMoreThanTheirRows) {
    for (int key = 0; key < keys_tried; ++key) {
        fill(20'000);
        auto source = back_up(key);
        std::uint64_t changed = 0;
        for (int row = 3; row < 20'000; row += 100) {
            Bytes& payload = model.rows.at({2, RowModel::rowid(row)}).payload;
            payload = noise(20 + random() % 200);
            changed += payload.size() + 10;
        }
        EXPECT_LT(added(key, source), changed * 3 / 2 + roster_bytes) << "key " << key;
    }
}

TEST_F(ParentRows, BlocksThatGrewAndWereSplitAreDeltasOfWhatTheyWere) {
    for (int key = 0; key < keys_tried; ++key) {
        fill(20'000);
        auto source = back_up(key);
        std::uint64_t inserted = 0;
        // Every other row of a stretch gets a new neighbour: its blocks double and are cut anew.
        for (int row = 5'000; row < 9'000; ++row) {
            std::string const at = RowModel::rowid(static_cast<std::uint64_t>(row)) + 'n';
            model.rows[{2, at}] = {"", noise(90)};
            inserted += 100;
        }
        auto const stored = added(key, source);
        // A block that is half new is stored whole, which costs twice what was inserted.
        EXPECT_LT(stored, inserted * 5 / 2 + roster_bytes) << "key " << key;
    }
}

TEST_F(ParentRows, RowsThatGoLeaveTheirNeighboursDeltas) {
    std::uint64_t all = 0;
    for (int key = 0; key < keys_tried; ++key) {
        fill(20'000);
        auto source = back_up(key);
        for (int row = 2; row < 20'000; row += 50) model.rows.erase({2, RowModel::rowid(row)});
        std::uint64_t const stored = added(key, source);
        // Where the row that a border stood at has gone, two blocks become one, which can be a
        // delta of one of them only.
        EXPECT_LT(stored, 200'000u) << "key " << key;
        all += stored;
    }
    EXPECT_LT(all / keys_tried, 20'000u + 2 * roster_bytes);
}

TEST_F(ParentRows, AGrownTableIsNotComparedWithItsOldEndAgainAndAgain) {
    fill(20'000);
    auto source = back_up(1);
    for (std::uint64_t row = 20'000; row < 60'000; ++row) {
        model.rows[{2, RowModel::rowid(row)}] = {"", noise(100)};
    }
    auto const before = blobs.reads;
    source = back_up(1, &source);
    // The roster, and the old last block: to compare with, to see its end.
    EXPECT_LT(blobs.reads - before, 12u);
}

}  // namespace
}  // namespace perdure::repository
