#include <gtest/gtest.h>

#include <random>

#include "repository/rows/row_block.h"
#include "repository/testing/fake_blobs.h"
#include "repository/testing/fake_rows.h"
#include "repository/testing/stepped_clock.h"

namespace perdure::repository {
namespace {

using testing::FakeBlobs;
using testing::FakeDomains;
using testing::FakeRowReader;
using testing::FakeRowTarget;
using testing::random_bytes;
using testing::RowModel;
using testing::SteppedClock;

struct RowsFixture : ::testing::Test {
    FakeBlobs blobs;
    FakeDomains domains;
    RowModel model;
    SteppedClock clock;
    std::mt19937_64 random{7};

    Result<SourceSnapshot> try_back_up(SourceSnapshot const* parent = nullptr) {
        WriteContext context{.blobs = blobs, .known = blobs, .domains = domains, .chunk_key = {}};
        context.threads = 3;
        context.clock = &clock;
        FakeRowReader reader(model);
        auto result = write_rows(reader, "app", parent, context, {});
        clock.time.seconds += 1000;
        return result;
    }
    SourceSnapshot back_up(SourceSnapshot const* parent = nullptr) {
        auto result = try_back_up(parent);
        EXPECT_TRUE(result) << (result ? "" : result.error().message());
        return result ? *result : SourceSnapshot{};
    }
    ReadContext restore(SourceSnapshot const& source, FakeRowTarget& target) {
        ReadContext context{.blobs = blobs, .domains = domains};
        context.threads = 3;
        auto const done = restore_rows(source, target, context, {});
        EXPECT_TRUE(done) << (done ? "" : done.error().message());
        EXPECT_TRUE(target.finished);
        return context;
    }
    void expect_equal(SourceSnapshot const& source, RowModel const& expected) {
        FakeRowTarget target;
        auto const context = restore(source, target);
        EXPECT_TRUE(context.problems.empty());
        ASSERT_EQ(target.rows.size(), expected.rows.size());
        for (auto const& [key, row] : expected.rows) {
            ASSERT_TRUE(target.rows.contains(key));
            EXPECT_EQ(target.rows.at(key), row.payload);
        }
        ASSERT_EQ(target.media.size(), expected.media.size());
        for (auto const& [path, media] : expected.media) {
            EXPECT_EQ(target.media.at(path).first, media.entry);
            EXPECT_EQ(target.media.at(path).second, media.content);
        }
    }
    void fill(int people, int notes_each, int common_rows) {
        for (int person = 0; person < people; ++person) {
            std::string const subject = "person-" + std::to_string(person);
            model.rows[{0, RowModel::rowid(person)}] = {subject, to_bytes("name of " + subject)};
            for (int note = 0; note < notes_each; ++note) {
                model.rows[{1, RowModel::rowid(note * people + person)}] = {
                    subject, random_bytes(random, 40 + random() % 100)};
            }
        }
        for (int row = 0; row < common_rows; ++row) {
            model.rows[{2, RowModel::rowid(row)}] = {"", random_bytes(random, 100)};
        }
    }
    std::set<BlobId> walked(SourceSnapshot const& source) {
        Snapshot snapshot;
        snapshot.sources.push_back(source);
        ReadContext context{.blobs = blobs, .domains = domains};
        std::set<BlobId> ids;
        auto const done = walk_blobs(snapshot,
                                     [&](BlobId const& id, Handle const& handle) -> Result<void> {
                                         EXPECT_EQ(blobs.handle_of(id), handle);
                                         ids.insert(id);
                                         return {};
                                     },
                                     context, {});
        EXPECT_TRUE(done) << (done ? "" : done.error().message());
        return ids;
    }
};

TEST_F(RowsFixture, RowsOfManyPeopleComeBackInOrder) {
    fill(50, 20, 3000);
    auto const source = back_up();
    expect_equal(source, model);
    EXPECT_EQ(source.subjects, 50u);
    EXPECT_EQ(source.items, model.rows.size());
    EXPECT_EQ(source.digest.items, 1u);
}

TEST_F(RowsFixture, AnEmptyDatabaseIsValid) {
    expect_equal(back_up(), model);
}

TEST_F(RowsFixture, AnUnchangedDatabaseWritesNothing) {
    fill(20, 20, 10'000);
    auto const first = back_up();
    auto const before = blobs.statistics().blobs_new;
    auto const second = back_up(&first);
    EXPECT_EQ(blobs.statistics().blobs_new, before);
    EXPECT_EQ(second.root.ids, first.root.ids);
}

TEST_F(RowsFixture, OneChangedPersonWritesOneBlockAndALittleRoster) {
    fill(3000, 3, 0);
    auto const first = back_up();
    auto const before = blobs.statistics();
    model.rows[{0, RowModel::rowid(1234)}].payload = to_bytes("another name");
    auto const second = back_up(&first);
    EXPECT_LE(blobs.statistics().blobs_new - before.blobs_new, 4u);
    EXPECT_LT(blobs.statistics().bytes_new - before.bytes_new, 70'000u);
    expect_equal(second, model);
}

TEST_F(RowsFixture, ScatteredChangesAreStoredAsDeltasOfDepthOne) {
    fill(0, 0, 20'000);
    auto source = back_up();
    for (int night = 0; night < 4; ++night) {
        auto const before = blobs.statistics();
        for (int row = night; row < 20'000; row += 100) {
            model.rows[{2, RowModel::rowid(row)}].payload = random_bytes(random, 100);
        }
        source = back_up(&source);
        auto const stored = blobs.statistics().bytes_stored - before.bytes_stored;
        // 200 rows of 100 B a night; against the first night's blocks the changes add up.
        EXPECT_LT(stored, (night + 1) * 200u * 100u * 3 / 2 + 8'000) << night;
        expect_equal(source, model);
    }
    // FakeBlobs aborts on a delta whose base is one.
}

TEST_F(RowsFixture, RowsInsertedInTheMiddleLeaveTheOtherBlocksAlone) {
    fill(0, 0, 20'000);
    auto const first = back_up();
    auto const before = blobs.statistics().blobs_new;
    for (int row = 0; row < 50; ++row) {
        std::string const key = RowModel::rowid(10'000) + static_cast<char>('a' + row);
        model.rows[{2, key}] = {"", random_bytes(random, 100)};
    }
    auto const second = back_up(&first);
    EXPECT_LE(blobs.statistics().blobs_new - before, 4u);
    expect_equal(second, model);
}

TEST_F(RowsFixture, ADestroyedPersonIsUnreadableAndEverybodyElseComesBack) {
    fill(10, 30, 100);
    model.add_media("a/photo", "person-3", random_bytes(random, 100'000), 1'000'000);
    model.add_media("b/photo", "person-4", random_bytes(random, 3'000'000), 1'000'000);
    auto const first = back_up();
    model.rows[{1, RowModel::rowid(0)}].payload = to_bytes("changed");
    auto const second = back_up(&first);
    domains.erase((*domains.of_subject("app", as_bytes("person-3")))->handle());
    std::erase_if(model.rows, [](auto const& item) { return item.second.subject == "person-3"; });
    model.media.erase("a/photo");
    for (auto const* source : {&first, &second}) {
        FakeRowTarget target;
        auto const context = restore(*source, target);
        EXPECT_EQ(context.erased_subjects, 1u);
        EXPECT_EQ(context.erased_blocks, 1u);
        EXPECT_TRUE(context.problems.empty());
        EXPECT_EQ(target.rows.size(), model.rows.size());
        EXPECT_EQ(target.media.size(), 1u);
        EXPECT_TRUE(target.media.contains("b/photo"));
    }
    expect_equal(second, model);
    // Collection needs no one's key.
    EXPECT_FALSE(walked(second).empty());
}

TEST_F(RowsFixture, EveryStoredBlobIsNamedUnderItsHandle) {
    fill(10, 30, 3000);
    model.rows[{1, RowModel::rowid(77'777)}] = {"person-1", random_bytes(random, 2'000'000)};
    for (int i = 0; i < 80; ++i) {
        model.add_media("m/" + std::to_string(i), "person-" + std::to_string(i % 7),
                        random_bytes(random, i == 3 ? 6'000'000 : 1000), 1'000'000);
    }
    auto const first = back_up();
    EXPECT_EQ(walked(first).size(), blobs.count());
    model.rows[{2, RowModel::rowid(5)}].payload = to_bytes("changed");
    auto const second = back_up(&first);
    std::set<BlobId> all = walked(first);
    all.merge(walked(second));
    EXPECT_EQ(all.size(), blobs.count());
    // Whatever the second needs, bases included, it names itself.
    auto const needed = walked(second);
    for (BlobId const& id : blobs.ids()) {
        if (!needed.contains(id)) blobs.forget(id);
    }
    expect_equal(second, model);
}

TEST_F(RowsFixture, ALargeValueIsStoredBesideItsRow) {
    model.rows[{1, RowModel::rowid(1)}] = {"a", random_bytes(random, 3'000'000)};
    model.rows[{1, RowModel::rowid(2)}] = {"", random_bytes(random, row_payload_inline_max)};
    model.rows[{1, RowModel::rowid(3)}] = {"", random_bytes(random, row_payload_inline_max + 1)};
    expect_equal(back_up(), model);
}

TEST_F(RowsFixture, UnchangedMediaIsNotReadAgain) {
    for (int i = 0; i < 200; ++i) {
        model.add_media("m/" + std::to_string(i), "person-" + std::to_string(i % 3),
                        random_bytes(random, 2000), 1'000'000);
    }
    auto const first = back_up();
    EXPECT_EQ(model.opens, 200);
    model.opens = 0;
    model.add_media("m/17", "person-2", as_bytes("new content"), clock.time.seconds - 500);
    model.media.erase("m/20");
    auto const second = back_up(&first);
    EXPECT_EQ(model.opens, 1);
    EXPECT_EQ(second.items_unchanged, 198u);
    expect_equal(second, model);
}

TEST_F(RowsFixture, UnreadableMediaIsNamedAndTheRestComesBack) {
    model.add_media("m/a", "p", as_bytes("1"), 1);
    model.add_media("m/b", "p", as_bytes("2"), 1);
    model.unreadable = {"m/a"};
    auto const source = back_up();
    ASSERT_EQ(source.problems_total, 1u);
    EXPECT_EQ(source.problems[0].path, "m/a");
    model.media.erase("m/a");
    expect_equal(source, model);
}

TEST_F(RowsFixture, ADamagedBlockIsNamedAndTheOthersComeBack) {
    fill(5, 3, 0);
    auto const source = back_up();
    auto const victim = (*domains.of_subject("app", as_bytes("person-2")))->handle();
    for (BlobId const& id : blobs.ids()) {
        if (blobs.handle_of(id) == victim) blobs.damage(id);
    }
    FakeRowTarget target;
    auto const context = restore(source, target);
    EXPECT_EQ(context.problems.size(), 1u);
    EXPECT_EQ(target.rows.size(), model.rows.size() - 4);
}

TEST_F(RowsFixture, ADamagedParentOnlyCostsStoring) {
    fill(5, 3, 2000);
    model.add_media("m/a", "person-1", as_bytes("1"), 1);
    auto const first = back_up();
    for (BlobId const& id : blobs.ids()) blobs.damage(id);
    FakeBlobs fresh;
    WriteContext context{.blobs = fresh, .known = blobs, .domains = domains, .chunk_key = {}};
    FakeRowReader reader(model);
    EXPECT_TRUE(write_rows(reader, "app", &first, context, {}));
}

TEST_F(RowsFixture, AFullStoreEndsTheBackupWithItsError) {
    fill(500, 2, 2000);
    model.add_media("m/a", "person-1", random_bytes(random, 100), 1);
    blobs.fail_puts_after = 1'000'000;
    back_up();
    std::uint64_t const all = blobs.puts;
    for (std::uint64_t const after : {std::uint64_t{0}, std::uint64_t{1}, all / 2, all - 1}) {
        FakeBlobs full;
        full.fail_puts_after = after;
        WriteContext context{.blobs = full, .known = full, .domains = domains, .chunk_key = {}};
        FakeRowReader reader(model);
        auto const result = write_rows(reader, "app", nullptr, context, {});
        ASSERT_FALSE(result) << after;
        EXPECT_EQ(result.error().fault(), Fault::exhausted);
    }
}

TEST_F(RowsFixture, ListedRowsCarryTheirHandleAndMediaTheirEntry) {
    fill(2, 2, 5);
    model.add_media("m/a", "person-1", as_bytes("1"), 1);
    auto const source = back_up();
    ReadContext context{.blobs = blobs, .domains = domains};
    std::size_t rows = 0, media = 0, common = 0;
    auto const done =
        list_rows(source,
                  [&](data::RowView const& row) -> Result<void> {
                      if (row.subject.empty()) ++common;
                      if (row.table == data::media_table) {
                          ++media;
                          Decoder in(row.payload);
                          EXPECT_EQ(data::decode_entry(in)->name, "a");
                          return {};
                      }
                      ++rows;
                      EXPECT_EQ(model.rows.at({row.table, to_string(row.key)}).payload,
                                to_bytes(row.payload));
                      return {};
                  },
                  context, {});
    ASSERT_TRUE(done);
    EXPECT_EQ(rows, model.rows.size());
    EXPECT_EQ(media, 1u);
    EXPECT_EQ(common, 5u);
}

TEST_F(RowsFixture, RandomDatabasesEditedAndBackedUpIncrementallyEqualTheirModel) {
    std::optional<SourceSnapshot> parent;
    std::vector<std::pair<SourceSnapshot, RowModel>> history;
    for (int round = 0; round < 12; ++round) {
        for (int edit = 0; edit < 400; ++edit) {
            auto const table = static_cast<std::uint32_t>(random() % 3);
            RowModel::Key const key{table, RowModel::rowid(random() % 3000)};
            std::string const subject =
                table == 2 ? "" : "p" + std::to_string(random() % 20);  // people move rows too
            if (random() % 4 == 0) {
                model.rows.erase(key);
            } else {
                model.rows[key] = {subject, random_bytes(random, random() % 400)};
            }
        }
        std::string const path = "m/" + std::to_string(random() % 10);
        model.add_media(path, "p" + std::to_string(random() % 20), random_bytes(random, 500),
                        clock.time.seconds - 500);
        auto source = back_up(parent ? &*parent : nullptr);
        history.emplace_back(source, model);
        parent = std::move(source);
    }
    for (auto const& [source, expected] : history) expect_equal(source, expected);
}

}  // namespace
}  // namespace perdure::repository
