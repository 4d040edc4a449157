#include "repository/snapshot.h"

#include <gtest/gtest.h>

#include <random>

namespace perdure::repository {
namespace {

Snapshot sample() {
    Snapshot snapshot;
    snapshot.session.bytes.fill(std::byte{1});
    snapshot.started = {100, 5};
    snapshot.finished = {-1, 999'999'999};
    snapshot.type = SnapshotType::differential;
    snapshot.host = "host";
    snapshot.tags = {"a", ""};
    snapshot.parent = SessionId{};
    snapshot.parent_receipt = Timestamp{7, 8};
    snapshot.min_epoch = 300;
    snapshot.sequence = 9;
    SourceSnapshot source;
    source.name = "app";
    source.rows = true;
    source.root = {1000, 2, std::vector<BlobId>(3)};
    source.options = {{"file", "app.db"}, {"media", "uploads"}};
    source.problems = {{"p", "why"}};
    source.problems_total = 2000;
    source.items_unchanged = 4;
    snapshot.sources = {source, SourceSnapshot{}};
    snapshot.statistics.bytes_new = 1u << 31;
    return snapshot;
}

TEST(Snapshot, ReadsBackWhatItWrote) {
    Snapshot const snapshot = sample();
    auto const back = Snapshot::decode(snapshot.encode());
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(back->encode(), snapshot.encode());
    EXPECT_EQ(back->parent_receipt, snapshot.parent_receipt);
    EXPECT_EQ(back->sources.at(0).options, snapshot.sources[0].options);
    EXPECT_EQ(back->sources.at(0).root.ids.size(), 3u);
    EXPECT_EQ(back->sources.at(0).problems_total, 2000u);
}

TEST(Snapshot, AdditionsOfANewerFormatAreSkipped) {
    Encoder out;
    out.raw(sample().encode());
    out.varint(3);
    out.text("later");
    auto const back = Snapshot::decode(out.view());
    ASSERT_TRUE(back);
    EXPECT_EQ(back->encode(), sample().encode());
    out.varint(3);
    out.text("not ascending");
    EXPECT_EQ(Snapshot::decode(out.view()).error().fault(), Fault::corrupt);
}

TEST(Snapshot, HostileBytesNeverCrash) {
    std::mt19937_64 random(1);
    Bytes const good = sample().encode();
    for (std::size_t length = 0; length < good.size(); ++length) {
        EXPECT_FALSE(Snapshot::decode(ByteView(good).first(length)));
    }
    for (int round = 0; round < 20'000; ++round) {
        Bytes bad = good;
        bad[random() % bad.size()] ^= static_cast<std::byte>(1 + random() % 255);
        auto const back = Snapshot::decode(bad);
        if (back) {
            EXPECT_EQ(back->encode().size() > 0, true);
        }
    }
}

}  // namespace
}  // namespace perdure::repository
