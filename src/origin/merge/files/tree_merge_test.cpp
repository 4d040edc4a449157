#include "origin/merge/files/tree_merge.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "data/bytes/memory_content.h"

namespace perdure::origin {
namespace {

/// A live folder with something outside that nobody may touch.
struct TreeMergeTest : ::testing::Test {
    system::ScratchFolder scratch = *system::ScratchFolder::create();
    system::Path root = scratch.path() / "live", outside = scratch.path() / "outside";

    void SetUp() override {
        std::filesystem::create_directories(root / "sub");
        std::filesystem::create_directories(outside);
        std::ofstream(outside / "victim") << "untouched";
    }
    void TearDown() override {
        std::string text;
        std::getline(std::ifstream(outside / "victim"), text);
        EXPECT_EQ(text, "untouched");
        EXPECT_EQ(std::distance(std::filesystem::directory_iterator(outside), {}), 1);
    }

    std::vector<FileItem> told;
    Result<std::unique_ptr<TreeMerge>> open(std::string stage) {
        return TreeMerge::create({.root = root,
                                  .source = "www",
                                  .chosen = [](std::string_view) { return true; },
                                  .strategy = data::Strategy::overwrite,
                                  .now = {2'000'000'000, 0},
                                  .stage = std::move(stage),
                                  .tell = [this](FileItem const& item) -> Result<void> {
                                      told.push_back(item);
                                      return {};
                                  }});
    }
    static data::Entry file(std::uint64_t size = 4) {
        data::Entry entry;
        entry.name = "x";
        entry.mode = 0644;
        entry.size = size;
        entry.modified = {1'700'000'000, 0};
        return entry;
    }
    static data::Entry link(std::string target) {
        auto entry = file(0);
        entry.kind = data::EntryKind::symlink;
        entry.link_target = std::move(target);
        return entry;
    }
    /// Everything that a restore does with what was staged.
    Result<void> put(TreeMerge& merge, std::string const& stage) {
        PD_CHECK(merge.settle_stage());
        PD_CHECK(swap_files(root, stage, merge.changes()));
        return drop_stage(root, stage);
    }
};

TEST_F(TreeMergeTest, NamesThatLeadOutsideWriteNothingAnywhere) {
    for (std::string const name :
         {"../outside/victim", "/etc/perdure-evil", "sub/../../outside/victim", "..", ".", "sub//x",
          "sub/", "./x"}) {
        auto merge = open("stage");
        ASSERT_TRUE(merge);
        data::MemorySource content(as_bytes("evil"));
        auto done = (*merge)->write_file(name, file(), content);
        if (done) done = put(**merge, "stage");
        EXPECT_TRUE(!done || told.back().finding == FileItem::Finding::blocked) << name;
        EXPECT_FALSE(system::exists("/etc/perdure-evil"));
        ASSERT_TRUE(drop_stage(root, "stage"));
        for (auto const& each : std::filesystem::recursive_directory_iterator(root)) {
            EXPECT_EQ(each.path().filename(), "sub") << name << " made " << each.path();
        }
    }
}

TEST_F(TreeMergeTest, AJournalThatLeadsOutsideDoesNotOpen) {
    for (std::string const path : {"../x", "/x", "a/../../x", "a//x", "."}) {
        FileChange change{.act = FileChange::Act::create, .path = path, .number = 1};
        Encoder out;
        encode_file_change(out, change);
        Decoder in(out.view());
        EXPECT_FALSE(decode_file_change(in)) << path;
        FileChange second{.act = FileChange::Act::link, .path = "a", .number = 1};
        second.first = path;
        Encoder other;
        encode_file_change(other, second);
        Decoder again(other.view());
        EXPECT_FALSE(decode_file_change(again)) << path;
    }
    Encoder root;
    encode_file_change(root, {.act = FileChange::Act::remove, .path = "", .number = 1});
    Decoder in(root.view());
    EXPECT_FALSE(decode_file_change(in)) << "the root itself is no name";
}

TEST_F(TreeMergeTest, LinksPlantedInTheTargetAreReplacedOrNamedNeverFollowed) {
    std::filesystem::create_symlink(outside / "victim", root / "file");
    std::filesystem::create_symlink(outside, root / "folder");
    std::filesystem::create_symlink("/", root / "sub" / "up");
    auto merge = open("stage");
    ASSERT_TRUE(merge);
    for (std::string const name : {"file", "folder/victim", "folder/new", "sub/up/etc/x"}) {
        data::MemorySource content(as_bytes("mine"));
        ASSERT_TRUE((*merge)->write_file(name, file(), content)) << name;
    }
    ASSERT_TRUE(put(**merge, "stage"));
    EXPECT_FALSE(std::filesystem::is_symlink(root / "file"));
    EXPECT_TRUE(std::filesystem::is_symlink(root / "folder"));
    EXPECT_EQ((*merge)->summary().blocked, 3u);
}

TEST_F(TreeMergeTest, ALinkOfTheSnapshotDoesNotCarryLaterFilesOutside) {
    auto merge = open("stage");
    ASSERT_TRUE(merge);
    data::MemorySource content(as_bytes("mine"));
    ASSERT_TRUE((*merge)->write_file("door/victim", file(), content));
    ASSERT_TRUE((*merge)->make_other("door", link(outside.string())));
    auto const done = put(**merge, "stage");
    if (!done) {
        ASSERT_TRUE(swap_back(root, "stage", (*merge)->changes()));
    }
}

TEST_F(TreeMergeTest, AFolderThatBecomesALinkBetweenPlanAndSwapStopsTheSwap) {
    auto merge = open("stage");
    ASSERT_TRUE(merge);
    data::MemorySource content(as_bytes("mine"));
    ASSERT_TRUE((*merge)->write_file("sub/victim", file(), content));
    ASSERT_TRUE((*merge)->settle_stage());
    std::filesystem::remove(root / "sub");
    std::filesystem::create_symlink(outside, root / "sub");
    EXPECT_FALSE(swap_files(root, "stage", (*merge)->changes()));
    auto const stay = swap_back(root, "stage", (*merge)->changes());
    ASSERT_TRUE(stay);
    EXPECT_TRUE(stay->empty());
}

TEST_F(TreeMergeTest, AStageThatIsThereOrLeadsOutsideIsRefused) {
    std::filesystem::create_symlink(outside, root / "stage");
    EXPECT_FALSE(open("stage"));
    EXPECT_FALSE(drop_stage(root, "../outside"));
    EXPECT_FALSE(drop_stage(root, ".."));
    ASSERT_TRUE(drop_stage(root, "stage"));
    EXPECT_FALSE(std::filesystem::is_symlink(root / "stage")) << "the link goes, not what it names";
}

TEST_F(TreeMergeTest, AFileChangedAfterItWasPutIsNotTakenBack) {
    std::ofstream(root / "note") << "before";
    auto merge = open("stage");
    ASSERT_TRUE(merge);
    for (std::string const name : {"note", "new"}) {
        data::MemorySource content(as_bytes("mine"));
        ASSERT_TRUE((*merge)->write_file(name, file(), content));
    }
    ASSERT_TRUE((*merge)->settle_stage());
    ASSERT_TRUE(swap_files(root, "stage", (*merge)->changes()));
    EXPECT_TRUE(all_put(root, "stage", (*merge)->changes()));
    std::ofstream(root / "note", std::ios::app) << " and later work";
    EXPECT_TRUE(all_put(root, "stage", (*merge)->changes())) << "it was put, whatever came later";
    auto const stay = swap_back(root, "stage", (*merge)->changes());
    ASSERT_TRUE(stay);
    EXPECT_EQ(*stay, std::vector<std::string>{"note"});
    std::string text;
    std::getline(std::ifstream(root / "note"), text);
    EXPECT_EQ(text, "mine and later work");
    EXPECT_FALSE(system::exists(root / "new"));
}

TEST_F(TreeMergeTest, WhatIsWrittenBetweenComparingAndSwappingComesBack) {
    for (bool const removes : {false, true}) {
        std::ofstream(root / "note") << "before";
        auto merge = open("stage");
        ASSERT_TRUE(merge);
        data::MemorySource content(as_bytes("mine"));
        ASSERT_TRUE(removes ? (*merge)->remove("note")
                            : (*merge)->write_file("note", file(), content));
        ASSERT_TRUE((*merge)->settle_stage());
        ASSERT_EQ((*merge)->changes().size(), 1u);
        std::ofstream(root / "note", std::ios::app) << " and later work";
        EXPECT_FALSE(swap_files(root, "stage", (*merge)->changes()));
        ASSERT_TRUE(swap_back(root, "stage", (*merge)->changes()));
        std::string text;
        std::getline(std::ifstream(root / "note"), text);
        EXPECT_EQ(text, "before and later work");
        ASSERT_TRUE(drop_stage(root, "stage"));
    }
}

TEST_F(TreeMergeTest, AFolderGetsItsLookAndLosesItWhenAllIsTakenBack) {
    std::filesystem::permissions(root / "sub", std::filesystem::perms(0700));
    auto const mode = [&] {
        return static_cast<unsigned>(std::filesystem::status(root / "sub").permissions());
    };
    auto entry = file(0);
    entry.kind = data::EntryKind::folder;
    entry.mode = 0750;
    entry.uid = ::geteuid();
    entry.gid = ::getegid();
    auto merge = open("stage");
    ASSERT_TRUE(merge);
    ASSERT_TRUE((*merge)->make_folder("sub", entry));
    ASSERT_TRUE((*merge)->settle_stage());
    ASSERT_EQ((*merge)->changes().size(), 1u);
    auto change = (*merge)->changes().front();
    Encoder out;
    encode_file_change(out, change);
    Decoder in(out.view());
    auto const decoded = decode_file_change(in);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->after, change.after);
    EXPECT_FALSE(still_there(root, change));
    ASSERT_TRUE(swap_files(root, "stage", {*decoded}));
    EXPECT_EQ(mode(), 0750u);
    EXPECT_TRUE(all_put(root, "stage", {*decoded}));
    EXPECT_EQ(*swap_back(root, "stage", {*decoded}), std::vector<std::string>{});
    EXPECT_EQ(mode(), 0700u);
    // Half of it, as a kill leaves it, goes back; what is neither was somebody else.
    change.before.xattrs = {{"user.then", Bytes{}}};
    change.after = change.before;
    change.after.mode = 0770;
    std::filesystem::permissions(root / "sub", std::filesystem::perms(0770));
    EXPECT_EQ(*swap_back(root, "stage", {change}), std::vector<std::string>{});
    EXPECT_EQ(mode(), 0700u);
    std::filesystem::permissions(root / "sub", std::filesystem::perms(0711));
    EXPECT_EQ(*swap_back(root, "stage", {change}), std::vector<std::string>{"sub"});
    EXPECT_EQ(mode(), 0711u);
}

TEST_F(TreeMergeTest, ContentIsComparedWhereTheTimesAreTheSame) {
    auto entry = file();
    std::ofstream(root / "note") << "rot!";
    struct timespec const times[2] = {{0, UTIME_OMIT}, {entry.modified.seconds, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (root / "note").c_str(), times, 0), 0);
    for (std::string const stage : {"", "stage"}) {
        auto merge = open(stage);
        ASSERT_TRUE(merge);
        data::MemorySource content(as_bytes("mine"));
        ASSERT_TRUE((*merge)->write_file("note", entry, content));
        EXPECT_EQ((*merge)->summary().conflict, 1u);
        ASSERT_FALSE(told.back().fields.empty());
        EXPECT_EQ(told.back().fields[0].name, "content");
    }
}

TEST_F(TreeMergeTest, ASparseFileIsComparedByItsExtentsAndItsHoles) {
    auto entry = file(1 << 20);
    entry.sparse = true;
    entry.extents = {{4096, 4}};
    for (bool const more : {false, true}) {
        std::ofstream live(root / "holes", std::ios::binary | std::ios::trunc);
        live.seekp(4096);
        live << "mine";
        if (more) {
            live.seekp(500'000);
            live << "x";
        }
        live.close();
        std::filesystem::resize_file(root / "holes", 1 << 20);
        std::filesystem::permissions(root / "holes", std::filesystem::perms(0644));
        entry.uid = ::geteuid();
        entry.gid = ::getegid();
        auto merge = open("");
        ASSERT_TRUE(merge);
        data::MemorySource content(as_bytes("mine"));
        ASSERT_TRUE((*merge)->write_file("holes", entry, content));
        EXPECT_EQ((*merge)->summary().identical, more ? 0u : 1u);
    }
}

}  // namespace
}  // namespace perdure::origin
