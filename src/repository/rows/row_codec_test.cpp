#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "repository/rows/roster.h"
#include "repository/rows/row_block.h"
#include "repository/rows/row_sort.h"
#include "repository/testing/fake_blobs.h"

namespace perdure::repository {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs sorted_by(RowSort& sort) {
    EXPECT_TRUE(sort.finish());
    Pairs out;
    while (true) {
        auto const row = sort.next();
        EXPECT_TRUE(row) << (row ? "" : row.error().message());
        if (!row || !*row) return out;
        out.emplace_back(as_text((*row)->key), as_text((*row)->payload));
    }
}

Pairs make_pairs(std::size_t count, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    Pairs pairs;
    for (std::size_t i = 0; i < count; ++i) {
        std::string key(random() % 3 == 0 ? 16 : 0, 'k');  // long equal prefixes
        key += std::to_string(random() % 1'000'000'000);
        pairs.emplace_back(key, std::string(random() % 200, 'v'));
    }
    return pairs;
}

TEST(RowSort, SortsInMemoryOnDiskAndOverSeveralLevels) {
    for (std::size_t const run_bytes : {64u << 20, 100'000u, 8'000u}) {
        RowSort sort({.run_bytes = run_bytes, .fan_in = 4});
        Pairs pairs = make_pairs(2000, run_bytes);
        for (auto const& [key, payload] : pairs) {
            ByteView const view = as_bytes(key);
            ASSERT_TRUE(sort.add({view.first(view.size() / 2), view.subspan(view.size() / 2)},
                                 {as_bytes(payload)}));
        }
        EXPECT_EQ(sort.rows(), pairs.size());
        Pairs const sorted = sorted_by(sort);
        EXPECT_TRUE(std::ranges::is_sorted(sorted, {}, &Pairs::value_type::first));
        EXPECT_TRUE(std::ranges::is_permutation(sorted, pairs));
    }
}

TEST(RowSort, ManyRunsThatNoLevelHoldsAreMergedBeforeTheyAreRead) {
    // Of some numbers of runs two levels are left, none of them full, and together too many.
    for (int rows = 40; rows <= 400; rows += 20) {
        RowSort sort({.run_bytes = 1000, .fan_in = 3});
        Pairs pairs;
        for (int i = 0; i < rows; ++i) {
            pairs.emplace_back(std::to_string(100'000 + i * 7919 % rows), std::string(40, 'v'));
            ASSERT_TRUE(sort.add({as_bytes(pairs.back().first)}, {as_bytes(pairs.back().second)}));
        }
        Pairs const sorted = sorted_by(sort);
        EXPECT_TRUE(std::ranges::is_sorted(sorted, {}, &Pairs::value_type::first));
        EXPECT_TRUE(std::ranges::is_permutation(sorted, pairs));
    }
}

TEST(RowSort, ASpilledRunThatWasCutShortIsCorrupt) {
    auto folder = system::ScratchFolder::create();
    ASSERT_TRUE(folder);
    RowSort sort({.spill_folder = folder->path(), .run_bytes = 4u << 20});
    std::string const value(1000, 'v');  // frames are read one by one: the file outlasts the first
    for (int i = 0; i < 16'000; ++i) {
        ASSERT_TRUE(sort.add({as_bytes(std::to_string(1'000'000 + i))}, {as_bytes(value)}));
    }
    ASSERT_TRUE(sort.finish());
    for (auto const& item : std::filesystem::recursive_directory_iterator(folder->path())) {
        if (!item.is_regular_file()) continue;
        std::filesystem::resize_file(item.path(), item.file_size() - 1);
    }
    while (true) {
        auto const row = sort.next();
        if (row) {
            ASSERT_TRUE(*row) << "the end came without a word";
            continue;
        }
        EXPECT_EQ(row.error().fault(), Fault::corrupt);
        break;
    }
}

TEST(RowSort, NothingSortedIsNothingGiven) {
    RowSort sort({});
    EXPECT_TRUE(sorted_by(sort).empty());
}

TEST(RowSort, SpilledBytesAreSealed) {
    auto folder = system::ScratchFolder::create();
    ASSERT_TRUE(folder);
    RowSort sort({.spill_folder = folder->path(), .run_bytes = 10'000});
    for (int i = 0; i < 1000; ++i) {
        ASSERT_TRUE(sort.add({as_bytes(std::to_string(i))}, {as_bytes("a readable secret")}));
    }
    std::size_t files = 0;
    for (auto const& item : std::filesystem::recursive_directory_iterator(folder->path())) {
        if (!item.is_regular_file()) continue;
        ++files;
        auto const bytes = system::read_file(item.path(), 1 << 20);
        ASSERT_TRUE(bytes);
        EXPECT_EQ(as_text(*bytes).find("readable"), std::string_view::npos);
    }
    EXPECT_GT(files, 2u);
}

TEST(RowSort, ARunThatCannotBeWrittenIsToldAtTheLatestWhenAllIsAdded) {
    auto folder = system::ScratchFolder::create();
    ASSERT_TRUE(folder);
    for (int const rows : {20, 2000}) {  // the last run only, or one of many
        RowSort sort({.spill_folder = folder->path() / "gone", .run_bytes = 1000});
        Result<void> done;
        for (int i = 0; done && i < rows; ++i)
            done = sort.add({as_bytes(std::to_string(i))}, {as_bytes(std::string(70, 'v'))});
        if (done) done = sort.finish();
        EXPECT_FALSE(done) << rows;
    }
}

TEST(RowSort, SpillFilesAreGoneAfterwards) {
    auto folder = system::ScratchFolder::create();
    {
        RowSort sort({.spill_folder = folder->path(), .run_bytes = 1000});
        for (int i = 0; i < 100; ++i) {
            ASSERT_TRUE(sort.add({as_bytes(std::to_string(i))}, {as_bytes("0123456789012345")}));
        }
        ASSERT_TRUE(sort.finish());
    }
    EXPECT_TRUE(std::filesystem::is_empty(folder->path()));
}

Bytes sample_block() {
    RowBlockWriter block;
    block.add({0, as_bytes("aaaa1"), as_bytes("one"), false});
    block.add({0, as_bytes("aaaa2"), as_bytes(""), true});
    block.add({0, as_bytes("b"), as_bytes("two"), false});
    block.add({7, as_bytes(""), as_bytes("three"), false});
    block.add({0xffff'ffff, as_bytes("m"), as_bytes("four"), false});
    return block.take();
}

TEST(RowBlock, ReadsBackWhatItWrote) {
    Bytes const block = sample_block();
    RowBlockReader reader(block);
    std::string seen;
    while (auto const row = *reader.next()) {
        seen += std::to_string(row->table) + ":" + to_string(row->key) + "=" +
                to_string(row->payload) + (row->outlined ? "!" : "") + " ";
    }
    EXPECT_EQ(seen, "0:aaaa1=one 0:aaaa2=! 0:b=two 7:=three 4294967295:m=four ");
}

TEST(RowBlock, HostileBytesAreCorruptAndNeverUnsorted) {
    std::mt19937_64 random(3);
    Bytes const good = sample_block();
    for (int round = 0; round < 20'000; ++round) {
        Bytes bad = good;
        bad[random() % bad.size()] ^= static_cast<std::byte>(1 + random() % 255);
        if (random() % 4 == 0) bad.resize(random() % bad.size());
        RowBlockReader reader(bad);
        std::optional<std::pair<std::uint32_t, std::string>> last;
        while (true) {
            auto const row = reader.next();
            if (!row) {
                EXPECT_EQ(row.error().fault(), Fault::corrupt);
                break;
            }
            if (!*row) break;
            std::pair const now{(*row)->table, to_string((*row)->key)};
            EXPECT_TRUE(!last || *last < now);
            last = now;
        }
    }
}

struct RosterFixture : ::testing::Test {
    testing::FakeBlobs blobs;
    testing::FakeDomains domains;

    static std::vector<RosterEntry> sample() {
        std::mt19937_64 random(5);
        std::vector<RosterEntry> entries;
        for (int person = 0; person < 400; ++person) {
            RosterEntry entry;
            entry.handle.bytes[0] = static_cast<std::byte>(person >> 8);
            entry.handle.bytes[1] = static_cast<std::byte>(person);
            entry.generation = static_cast<std::uint32_t>(person % 3);
            int const blocks = person == 7 ? 2000 : 1 + person % 2;
            for (int block = 0; block < blocks; ++block) {
                for (std::byte& byte : entry.id.bytes) byte = static_cast<std::byte>(random());
                entry.tag = block == 0 ? 0 : 1 + random();
                entry.base = block % 3 == 1 ? std::optional(entry.id) : std::nullopt;
                entry.holds_media = block % 5 == 0;
                entry.kind = block % 7 == 6 ? RosterEntry::Kind::content : RosterEntry::Kind::rows;
                entries.push_back(entry);
            }
        }
        return entries;
    }
    BlobList write(std::vector<RosterEntry> const& entries) {
        RosterWriter writer(blobs, domains.common(), 1);
        for (RosterEntry const& entry : entries) EXPECT_TRUE(writer.add(entry));
        return *writer.finish();
    }
};

TEST_F(RosterFixture, ReadsBackWhatItWrote) {
    auto const entries = sample();
    BlobList const list = write(entries);
    RosterReader reader(blobs, domains.common(), list);
    for (RosterEntry const& entry : entries) {
        auto const back = reader.next({});
        ASSERT_TRUE(back && *back);
        EXPECT_EQ((*back)->handle, entry.handle);
        EXPECT_EQ((*back)->generation, entry.generation);
        EXPECT_EQ((*back)->kind, entry.kind);
        EXPECT_EQ((*back)->holds_media, entry.holds_media);
        EXPECT_EQ((*back)->tag, entry.tag);
        EXPECT_EQ((*back)->id, entry.id);
        EXPECT_EQ((*back)->base, entry.base);
    }
    EXPECT_FALSE(*reader.next({}));
}

TEST_F(RosterFixture, OneChangedIdRewritesOneBlobAndItsList) {
    auto entries = sample();
    write(entries);
    auto const before = blobs.count();
    entries[1000].id.bytes[0] ^= std::byte{1};
    write(entries);
    EXPECT_LE(blobs.count() - before, 2u);
}

TEST_F(RosterFixture, EntriesThatAreNoneAreCorrupt) {
    RosterEntry last;
    last.handle.bytes[0] = std::byte{1};
    auto const decoded = [&](std::uint8_t flags, std::size_t bytes, RosterEntry const* before) {
        Bytes record{std::byte{flags}};
        record.resize(1 + bytes, std::byte{0xff});
        return decode_roster_entry(record, before);
    };
    ASSERT_TRUE(decoded(1, 32, &last));
    EXPECT_EQ(decoded(1, 32, &last)->handle, last.handle);
    EXPECT_FALSE(decoded(1, 32, nullptr)) << "no handle to go on with";
    EXPECT_FALSE(decoded(0, 32, &last)) << "no kind";
    EXPECT_FALSE(decoded(3, 32, &last)) << "a kind that nobody knows";
    EXPECT_FALSE(decoded(65, 32, &last)) << "a flag that nobody knows";
    EXPECT_FALSE(decoded(1, 31, &last)) << "half an id";
    EXPECT_FALSE(decoded(1, 33, &last)) << "more than an id";
    EXPECT_FALSE(decoded(5, 16 + 10 + 32, &last)) << "a generation out of range";
    for (std::uint8_t const flags : {0, 3, 64, 255}) {
        EXPECT_EQ(decoded(flags, 32, &last).error().fault(), Fault::corrupt);
    }
}

TEST_F(RosterFixture, ATruncatedRosterIsCorrupt) {
    BlobList list = write(sample());
    ASSERT_EQ(list.depth, 0);
    list.ids.pop_back();
    RosterReader reader(blobs, domains.common(), list);
    while (true) {
        auto const entry = reader.next({});
        if (entry) {
            ASSERT_TRUE(*entry);
            continue;
        }
        EXPECT_EQ(entry.error().fault(), Fault::corrupt);
        break;
    }
}

}  // namespace
}  // namespace perdure::repository
