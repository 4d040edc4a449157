#include "data/entry.h"

#include <gtest/gtest.h>

#include <random>

#include "data/bytes/placement.h"

namespace perdure::data {
namespace {

Entry full_entry() {
    Entry entry;
    entry.name = "na\xffme";
    entry.mode = 04755;
    entry.uid = 1000;
    entry.gid = 0xffff'ffff;
    entry.user = "anna";
    entry.group = "users";
    entry.modified = {-5, 999'999'999};
    entry.changed = {1'700'000'000, 1};
    entry.size = 1u << 20;
    entry.device = 0xfd01;
    entry.inode = ~std::uint64_t{0};
    entry.links = 2;
    entry.flags = 0x10;
    entry.same_as = "a/b";
    entry.xattrs = {{"user.a", to_bytes("1")}, {"user.b", {}}};
    entry.extents = {{0, 4096}, {65536, 4096}};
    entry.sparse = true;
    return entry;
}

Bytes encoded(Entry const& entry) {
    Encoder out;
    encode_entry(out, entry);
    return out.take();
}

Result<Entry> decoded(ByteView bytes, bool allow_root = false) {
    Decoder in(bytes);
    PD_TRY(Entry entry, decode_entry(in, allow_root));
    PD_CHECK(in.expect_end());
    return entry;
}

TEST(Entry, EveryFieldReadsBack) {
    Entry const entry = full_entry();
    auto const back = decoded(encoded(entry));
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(*back, entry);
}

TEST(Entry, EveryKindReadsBack) {
    for (int kind = 1; kind <= 7; ++kind) {
        Entry entry;
        entry.name = "x";
        entry.kind = static_cast<EntryKind>(kind);
        entry.special = 0x0103;
        entry.link_target = "../elsewhere";
        ASSERT_TRUE(decoded(encoded(entry)));
        EXPECT_EQ(*decoded(encoded(entry)), entry);
    }
}

TEST(Entry, FieldsOfANewerFormatSurvive) {
    Entry entry = full_entry();
    Encoder newer;
    newer.varint(40 << 1);
    newer.varint(7);
    newer.varint((41 << 1) | 1);
    newer.text("later");
    entry.unknown_fields = newer.view();
    auto const back = decoded(encoded(entry));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->unknown_fields, newer.view());
    EXPECT_EQ(encoded(*back), encoded(entry));
}

TEST(Entry, ASparseFileOfHolesOnlyStaysSparse) {
    Entry entry;
    entry.name = "hole";
    entry.size = 1u << 30;
    entry.sparse = true;
    EXPECT_TRUE(decoded(encoded(entry))->sparse);
}

TEST(Entry, NamesThatLeaveTheirFolderAreRefused) {
    using namespace std::string_view_literals;
    for (auto const name : {""sv, "."sv, ".."sv, "a/b"sv, "/"sv, "a\0"sv}) {
        EXPECT_EQ(check_component(name).error().fault(), Fault::invalid);
        Entry entry;
        entry.name = name;
        auto const back = decoded(encoded(entry));
        ASSERT_FALSE(back);
        EXPECT_EQ(back.error().fault(), Fault::corrupt);
    }
    EXPECT_TRUE(check_component("..."));
    Entry root;
    EXPECT_TRUE(decoded(encoded(root), true));
}

TEST(Entry, HardLinksOutOfTheTreeAreRefused) {
    for (char const* path : {"../etc/passwd", "/etc/passwd", "a//b", "a/..", "a/"}) {
        Entry entry;
        entry.name = "x";
        entry.same_as = path;
        EXPECT_FALSE(decoded(encoded(entry))) << path;
    }
}

TEST(Entry, ExtentsOutsideTheFileAreRefused) {
    Entry entry;
    entry.name = "x";
    entry.size = 100;
    entry.sparse = true;
    entry.extents = {{50, 51}};
    EXPECT_FALSE(decoded(encoded(entry)));
    entry.extents = {{50, ~std::uint64_t{0}}};
    EXPECT_FALSE(decoded(encoded(entry)));
}

TEST(Entry, HostileBytesNeverCrashAndNeverDecodeToTwoEncodings) {
    std::mt19937_64 random(1);
    Bytes const good = encoded(full_entry());
    for (int round = 0; round < 20'000; ++round) {
        Bytes bad = good;
        for (int flips = 1 + static_cast<int>(random() % 3); flips > 0; --flips) {
            bad[random() % bad.size()] ^= std::byte{static_cast<unsigned char>(random())};
        }
        bad.resize(random() % 4 == 0 ? random() % bad.size() : bad.size());
        Decoder in(bad);
        auto const back = decode_entry(in);
        if (!back) {
            EXPECT_EQ(back.error().fault(), Fault::corrupt);
        } else {
            EXPECT_EQ(encoded(*back).size() + in.left(), bad.size());
        }
    }
}

TEST(Entry, AnyChangedSignOfTheFileMakesItLookChanged) {
    Entry const before = full_entry();
    EXPECT_TRUE(looks_unchanged(before, before));
    auto const changed = [&](auto change) {
        Entry now = before;
        change(now);
        return !looks_unchanged(before, now);
    };
    EXPECT_TRUE(changed([](Entry& e) { e.size++; }));
    EXPECT_TRUE(changed([](Entry& e) { e.inode++; }));
    EXPECT_TRUE(changed([](Entry& e) { e.device++; }));
    EXPECT_TRUE(changed([](Entry& e) { e.modified.nanoseconds--; }));
    EXPECT_TRUE(changed([](Entry& e) { e.changed.seconds++; }));
    EXPECT_TRUE(changed([](Entry& e) { e.kind = EntryKind::symlink; }));
    EXPECT_FALSE(changed([](Entry& e) { e.mode = 0600; }));
}

/// Where each byte of a content of "abcdefgh" comes to lie, fed in pieces of that many bytes.
std::string placed(Entry const& entry, std::size_t piece_bytes, std::string* rest = nullptr) {
    std::string const content = "abcdefgh";
    std::string file(16, '.');
    Placement placement(entry);
    for (std::size_t at = 0; at < content.size(); at += piece_bytes) {
        auto const piece = content.substr(at, piece_bytes);
        auto const left = placement.feed(as_bytes(piece),
                                         [&](std::uint64_t offset, ByteView bytes) -> Result<void> {
                                             file.replace(offset, bytes.size(), as_text(bytes));
                                             return {};
                                         });
        EXPECT_TRUE(left);
        if (rest) *rest += as_text(*left);
    }
    EXPECT_TRUE(placement.is_filled());
    EXPECT_EQ(placement.size(), entry.sparse ? entry.size : content.size());
    return file;
}

TEST(Placement, PutsTheJoinedExtentsWhereTheyLay) {
    Entry entry;
    for (std::size_t const piece : {1, 2, 3, 5, 8}) {
        EXPECT_EQ(placed(entry, piece), "abcdefgh........");
    }
    entry.sparse = true;
    entry.size = 16;
    entry.extents = {{1, 3}, {6, 1}, {8, 4}};
    for (std::size_t const piece : {1, 2, 3, 5, 8}) {
        EXPECT_EQ(placed(entry, piece), ".abc..d.efgh....");
    }
    entry.extents = {{4, 2}, {10, 3}};
    for (std::size_t const piece : {1, 2, 3, 5, 8}) {
        std::string rest;
        EXPECT_EQ(placed(entry, piece, &rest), "....ab....cde...");
        EXPECT_EQ(rest, "fgh");
    }
    entry.extents = {};
    std::string rest;
    EXPECT_EQ(placed(entry, 8, &rest), "................");
    EXPECT_EQ(rest, "abcdefgh");
}

}  // namespace
}  // namespace perdure::data
