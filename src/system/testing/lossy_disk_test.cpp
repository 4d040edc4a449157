#include "system/testing/lossy_disk.h"

#include <gtest/gtest.h>

#include <set>

namespace perdure::system::testing {
namespace {

class LossyDiskTest : public ::testing::Test {
protected:
    void SetUp() override {
        auto made = create_fast_scratch();
        ASSERT_TRUE(made);
        scratch_.emplace(std::move(*made));
    }
    Path at(std::string_view name) const { return scratch_->path() / name; }
    std::string text_of(Path const& path) {
        auto const bytes = read_file(path, 1 << 20);
        return bytes ? to_string(*bytes) : "absent";
    }
    std::optional<ScratchFolder> scratch_;
};

TEST_F(LossyDiskTest, WhatWasSyncedSurvives) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        LossyDisk disk(scratch_->path());
        ASSERT_TRUE(write_file(at("a"), as_bytes("precious")));
        disk.power_cycle(seed);
        EXPECT_EQ(text_of(at("a")), "precious");
    }
}

TEST_F(LossyDiskTest, AFileWithoutSyncMayBeOldShortOrZeroed) {
    // the control: code that forgets fsync must be caught by this disk
    std::set<std::string> seen;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        ASSERT_TRUE(write_file(at("a"), as_bytes("old")));
        LossyDisk disk(scratch_->path());
        ASSERT_TRUE(write_file(at("a"), as_bytes("the new text"), {.durable = false}));
        disk.power_cycle(seed);
        seen.insert(text_of(at("a")));
    }
    EXPECT_TRUE(seen.contains("old"));
    EXPECT_TRUE(seen.contains("the new text"));
    EXPECT_TRUE(seen.contains(std::string(12, '\0')));
    EXPECT_GT(seen.size(), 4u);
}

TEST_F(LossyDiskTest, ARenameWithoutFolderSyncMayBeLost) {
    std::set<std::string> seen;
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
        ASSERT_TRUE(write_file(at("a"), as_bytes("old")));
        ASSERT_TRUE(write_file(at("b"), as_bytes("new")));
        LossyDisk disk(scratch_->path());
        ASSERT_TRUE(system::rename(at("b"), at("a")));
        disk.power_cycle(seed);
        seen.insert(text_of(at("a")) + text_of(at("b")));
    }
    EXPECT_EQ(seen, (std::set<std::string>{"oldnew", "newabsent"}));
}

TEST_F(LossyDiskTest, ARemovalWithoutFolderSyncMayBeUndone) {
    std::set<std::string> seen;
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
        ASSERT_TRUE(write_file(at("a"), as_bytes("back")));
        LossyDisk disk(scratch_->path());
        ASSERT_TRUE(remove_file(at("a")));
        disk.power_cycle(seed);
        seen.insert(text_of(at("a")));
    }
    EXPECT_EQ(seen, (std::set<std::string>{"absent", "back"}));
}

TEST_F(LossyDiskTest, AfterTheCrashNothingChangesAnyMore) {
    LossyDisk disk(scratch_->path());
    disk.crash_at(3);
    EXPECT_FALSE(write_file(at("a"), as_bytes("x")));
    EXPECT_TRUE(disk.crashed());
    EXPECT_FALSE(write_file(at("b"), as_bytes("x")));
    disk.power_cycle(1);
    EXPECT_FALSE(system::exists(at("a")));
    EXPECT_TRUE(write_file(at("b"), as_bytes("x")));
}

}  // namespace
}  // namespace perdure::system::testing
