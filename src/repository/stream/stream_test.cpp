#include <gtest/gtest.h>

#include <random>

#include "repository/stream/content_source.h"
#include "repository/stream/record_stream.h"
#include "repository/testing/fake_blobs.h"
#include "repository/testing/stepped_clock.h"

namespace perdure::repository {
namespace {

using testing::FakeBlobs;
using testing::FakeDomains;
using testing::random_bytes;

struct StreamFixture : ::testing::Test {
    FakeBlobs blobs;
    FakeDomains domains;
    std::mt19937_64 random{5};

    BlobId put(ByteView bytes) {
        return *blobs.put(domains.common(), bytes, {.blob_class = BlobClass::meta});
    }
    std::vector<BlobId> put_many(std::size_t count) {
        std::vector<BlobId> ids;
        for (std::size_t i = 0; i < count; ++i) ids.push_back(put(as_bytes(std::to_string(i))));
        return ids;
    }
    BlobList write(std::vector<BlobId> const& ids) {
        ListWriter writer(blobs, domains.common());
        for (BlobId const& id : ids) EXPECT_TRUE(writer.add(id, 10));
        return *writer.finish();
    }
    Result<std::vector<BlobId>> read(BlobList const& list, std::set<BlobId>* lists = nullptr) {
        ListReader reader(blobs, domains.common(), list);
        reader.on_list = [&](BlobId const& id) -> Result<void> {
            if (lists != nullptr) lists->insert(id);
            return {};
        };
        std::vector<BlobId> ids;
        while (true) {
            PD_TRY(auto const id, reader.next({}));
            if (!id) return ids;
            ids.push_back(*id);
        }
    }
    Result<bool> known(BlobList const& list) {
        return all_known(blobs, domains.common(), list, {});
    }
    /// A stream of these blobs that says it is so long.
    BlobList stream(std::vector<Bytes> const& parts, std::uint64_t length_bytes) {
        BlobList list;
        list.length_bytes = length_bytes;
        for (Bytes const& part : parts) list.ids.push_back(put(part));
        return list;
    }
    Result<std::vector<Bytes>> records(BlobList const& list) {
        RecordReader reader(blobs, domains.common(), list);
        std::vector<Bytes> all;
        while (true) {
            PD_TRY(auto const record, reader.next({}));
            if (!record) return all;
            all.push_back(to_bytes(*record));
        }
    }
    Error refused(BlobList const& list) {
        auto const read = records(list);
        EXPECT_FALSE(read);
        return read ? fail(Fault::internal, "it was read") : read.error();
    }
};

TEST_F(StreamFixture, ListsOfListsGiveTheirIdsInOrderAndNameEveryListThatTheyRead) {
    auto const ids = put_many(20'000);
    std::size_t const contents = blobs.count();
    BlobList const list = write(ids);
    ASSERT_EQ(list.depth, 2) << "more lists than one level holds";
    EXPECT_EQ(list.length_bytes, 200'000u);
    std::set<BlobId> lists;
    auto const back = read(list, &lists);
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, ids);
    EXPECT_EQ(lists.size(), blobs.count() - contents);
}

TEST_F(StreamFixture, AnIdInTheMiddleOfManyRewritesOneListALevel) {
    auto ids = put_many(20'000);
    write(ids);
    BlobId const fresh = put(as_bytes("another"));
    std::size_t const before = blobs.count();
    ids.insert(ids.begin() + 10'000, fresh);
    write(ids);
    EXPECT_LE(blobs.count() - before, 5u);
}

TEST_F(StreamFixture, ADeepListIsKnownOnlyWithEveryBlobOfIt) {
    auto const ids = put_many(20'000);
    BlobList const list = write(ids);
    EXPECT_TRUE(*known(list));
    std::set<BlobId> lists;
    ASSERT_TRUE(read(list, &lists));

    auto const whole = [&](BlobId const& id) {
        blobs.forget(id);
        auto const all = known(list);
        EXPECT_TRUE(all);
        return all && *all;
    };
    EXPECT_FALSE(whole(ids.back())) << "the last content";
    put(as_bytes(std::to_string(ids.size() - 1)));
    EXPECT_TRUE(*known(list));
    EXPECT_FALSE(whole(*lists.begin())) << "one list";
    write(ids);
    EXPECT_TRUE(*known(list));
    EXPECT_FALSE(whole(list.ids.front())) << "the topmost list";
}

TEST_F(StreamFixture, ListsOfNoWholeIdsAreCorrupt) {
    for (std::size_t const length : {std::size_t{33}, std::size_t{1025 * 32}}) {
        BlobList list = stream({random_bytes(random, length)}, 10);
        list.depth = 1;
        auto const back = read(list);
        ASSERT_FALSE(back) << length;
        EXPECT_EQ(back.error().fault(), Fault::corrupt);
        EXPECT_FALSE(*known(list)) << "what cannot be read is not taken over";
    }
}

TEST_F(StreamFixture, ARecordMayBeCutAnywhereEvenWithinItsLength) {
    Bytes const body = random_bytes(random, 200);  // its length takes two bytes
    Bytes rest{std::byte{0x01}};
    append(rest, body);
    auto const back = records(stream({{std::byte{0xc8}}, rest}, 202));
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(*back, std::vector<Bytes>{body});
}

TEST_F(StreamFixture, RecordStreamsThatContradictThemselvesAreCorrupt) {
    Bytes const record{std::byte{2}, std::byte{'a'}, std::byte{'b'}};
    Bytes const endless(6, std::byte{0x80});
    Bytes const padded{std::byte{0x80}, std::byte{0}};
    Bytes const greedy{std::byte{9}, std::byte{'a'}};
    ASSERT_TRUE(records(stream({record}, 3)));
    for (BlobList const& list :
         {stream({record}, 2), stream({record}, 4), stream({greedy}, 2), stream({endless}, 6),
          stream({padded}, 2), stream({{}}, 1), stream({{std::byte{0x80}}}, 1)}) {
        EXPECT_EQ(refused(list).fault(), Fault::corrupt);
    }
}

TEST_F(StreamFixture, AContentOfAnotherLengthThanItsListSaysIsCorruptAndSaysSo) {
    Workers workers(2);
    Bytes const bytes = random_bytes(random, 1000);
    for (std::uint64_t const said :
         {std::uint64_t{1000}, std::uint64_t{999}, std::uint64_t{1001}, std::uint64_t{1} << 20}) {
        ContentSource source(blobs, domains.common(), stream({bytes}, said), {}, workers, {});
        Bytes all(2000);
        auto const count = source.read(all);
        if (said == 1000) {
            ASSERT_TRUE(count);
            EXPECT_EQ(*count, 1000u);
            EXPECT_FALSE(source.failure());
            continue;
        }
        ASSERT_FALSE(count) << said;
        EXPECT_EQ(count.error().fault(), Fault::corrupt);
        ASSERT_TRUE(source.failure()) << "a restore tells damage from a full disk by it";
        EXPECT_EQ(source.failure()->fault(), Fault::corrupt);
    }
}

}  // namespace
}  // namespace perdure::repository
