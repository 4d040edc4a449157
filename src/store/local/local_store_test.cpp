#include "store/local/local_store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "system/step.h"

namespace perdure::store {
namespace {

using system::Path;
using system::Step;
using testing::ElementsAre;
using testing::IsEmpty;

class LocalStoreTest : public testing::Test {
protected:
    void SetUp() override {
        auto made = system::ScratchFolder::create();
        ASSERT_TRUE(made);
        scratch_.emplace(std::move(*made));
        root_ = scratch_->path() / "store";
        auto opened = open_local({.root = root_, .create = true});
        ASSERT_TRUE(opened);
        store_ = *opened;
    }
    void TearDown() override { system::set_step_hook(nullptr); }
    Result<void> put(ObjectName const& name, std::string_view body = "x") {
        return store_->put(name, as_bytes(body), PutMode::if_absent, {});
    }
    std::vector<std::string> names() {
        std::vector<std::string> found;
        EXPECT_TRUE(store_->list("",
                                 [&](ObjectInfo const& info) {
                                     found.push_back(info.name);
                                     return Result<void>();
                                 },
                                 {}));
        std::ranges::sort(found);
        return found;
    }
    std::size_t temporaries() const {
        std::size_t count = 0;
        if (!system::exists(root_ / "_tmp")) return 0;
        for (auto const& entry : std::filesystem::directory_iterator(root_ / "_tmp"))
            count += entry.exists() ? 1 : 0;
        return count;
    }
    std::optional<system::ScratchFolder> scratch_;
    Path root_;
    std::shared_ptr<ObjectStore> store_;
};

TEST_F(LocalStoreTest, AFolderIsMadeByTheFirstWriteAndBeforeThatHoldsNothing) {
    EXPECT_THAT(names(), IsEmpty());
    EXPECT_EQ(store_->head("config", {}).error().fault(), Fault::not_found);
    EXPECT_EQ(store_->read("config", 0, 1, {}).error().fault(), Fault::not_found);
    EXPECT_TRUE(store_->remove("config", {}));
    EXPECT_TRUE(store_->now({}));
    EXPECT_FALSE(system::exists(root_));
    ASSERT_TRUE(put("config"));
    EXPECT_THAT(names(), ElementsAre("config"));
    // From then on it is this folder and no other.
    system::Path const away = scratch_->path() / "away";
    ASSERT_TRUE(system::rename(root_, away));
    EXPECT_EQ(put("pack/next").error().fault(), Fault::unavailable);
    EXPECT_FALSE(system::exists(root_));
    ASSERT_TRUE(system::write_file(scratch_->path() / "file", as_bytes("x")));
    EXPECT_FALSE(open_local({.root = scratch_->path() / "file" / "store", .create = true}));
}

TEST_F(LocalStoreTest, BytesAreSyncedBeforeTheNameAndTheFolderAfter) {
    ASSERT_TRUE(put("pack/first"));
    std::vector<Step> steps;
    system::set_step_hook([&](Step step, std::string_view) {
        steps.push_back(step);
        return Result<void>();
    });
    ASSERT_TRUE(put("pack/second"));
    system::set_step_hook(nullptr);
    EXPECT_THAT(
        steps, ElementsAre(Step::create, Step::write, Step::sync, Step::rename, Step::sync_folder));
}

TEST_F(LocalStoreTest, AFullDiskAtAnyStepIsExhaustedAndLeavesNoPartBehind) {
    // every later backup must still work: a failed put blocks neither its name nor the disk
    for (unsigned failing = 1;; ++failing) {
        auto const name = "pack/" + std::to_string(failing);
        unsigned made = 0;
        system::set_step_hook([&](Step, std::string_view) -> Result<void> {
            if (++made == failing) return fail(Fault::exhausted, "No space left on device");
            return {};
        });
        auto const done = put(name, "whole");
        system::set_step_hook(nullptr);
        if (done) break;
        EXPECT_EQ(done.error().fault(), Fault::exhausted);
        EXPECT_EQ(temporaries(), 0u);
        auto const seen = read_all(*store_, name, 10, {});
        if (seen) {  // only its folder was not yet synced
            EXPECT_EQ(to_string(*seen), "whole");
        }
        ASSERT_LT(failing, 20u);
    }
}

TEST_F(LocalStoreTest, AFailedSyncFailsThePutAndHidesTheObject) {
    system::set_step_hook([](Step step, std::string_view) -> Result<void> {
        if (step == Step::sync) return fail(Fault::corrupt, "Input/output error");
        return {};
    });
    EXPECT_FALSE(put("pack/1"));
    system::set_step_hook(nullptr);
    EXPECT_THAT(names(), IsEmpty());
}

TEST_F(LocalStoreTest, TheLoserOfARaceSyncsTheFolderHeReliesOn) {
    ASSERT_TRUE(put("a"));
    std::vector<Step> steps;
    system::set_step_hook([&](Step step, std::string_view) {
        steps.push_back(step);
        return Result<void>();
    });
    EXPECT_EQ(put("a").error().fault(), Fault::conflict);
    system::set_step_hook(nullptr);
    EXPECT_THAT(steps, ElementsAre(Step::sync_folder));
}

TEST_F(LocalStoreTest, WhatIsGoneAlreadyIsMadeSureToStayGone) {
    ASSERT_TRUE(put("keyring/s/one"));
    ASSERT_TRUE(store_->remove("keyring/s/one", {}));
    std::size_t synced = 0;
    system::set_step_hook([&](Step step, std::string_view) -> Result<void> {
        synced += step == Step::sync_folder ? 1 : 0;
        return {};
    });
    EXPECT_TRUE(store_->remove("keyring/s/one", {}));  // by one who died before that was durable
    EXPECT_EQ(synced, 1u);
    EXPECT_TRUE(store_->remove("lease/one", {}));
}

TEST_F(LocalStoreTest, AMissingFolderIsNotFoundAndNamed) {
    auto const opened = open_local({.root = scratch_->path() / "nowhere"});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().fault(), Fault::not_found);
    EXPECT_THAT(opened.error().message(), testing::HasSubstr("nowhere"));
    EXPECT_FALSE(opened.error().fix().empty());
    ASSERT_TRUE(system::write_file(scratch_->path() / "file", as_bytes("x")));
    EXPECT_EQ(open_local({.root = scratch_->path() / "file"}).error().fault(), Fault::conflict);
    EXPECT_EQ(open_local({}).error().fault(), Fault::invalid);
}

TEST_F(LocalStoreTest, AnUnpluggedDiskIsUnavailableAndNeverEmpty) {
    ASSERT_TRUE(put("pack/1"));
    ASSERT_TRUE(system::rename(root_, scratch_->path() / "elsewhere"));
    auto const check_all = [&] {
        EXPECT_EQ(store_->head("pack/1", {}).error().fault(), Fault::unavailable);
        EXPECT_EQ(store_->read("pack/1", 0, 1, {}).error().fault(), Fault::unavailable);
        EXPECT_EQ(put("pack/2").error().fault(), Fault::unavailable);
        EXPECT_EQ(store_->remove("pack/1", {}).error().fault(), Fault::unavailable);
        EXPECT_EQ(store_->now({}).error().fault(), Fault::unavailable);
        auto const listed = store_->list("", [](ObjectInfo const&) { return Result<void>(); }, {});
        ASSERT_FALSE(listed);
        EXPECT_EQ(listed.error().fault(), Fault::unavailable);
    };
    check_all();
    ASSERT_TRUE(system::make_folders(root_));  // the empty mount point
    check_all();
    EXPECT_TRUE(std::filesystem::is_empty(root_));
}

TEST_F(LocalStoreTest, ForeignFilesAreNotListed) {
    ASSERT_TRUE(put("a"));
    for (char const* name : {".DS_Store", "README.TXT", "lost+found", "Thumbs.db"})
        ASSERT_TRUE(system::write_file(root_ / name, as_bytes("x")));
    ASSERT_EQ(::symlink("/etc", (root_ / "link").c_str()), 0);
    EXPECT_THAT(names(), ElementsAre("a"));
}

TEST_F(LocalStoreTest, AFolderOfOursThatWasMovedBehindALinkIsListedWithEverything) {
    for (char const* name : {"pack/d/1", "pack/m/2", "snapshot/3"}) ASSERT_TRUE(put(name));
    for (char const* folder : {"pack/m", "pack"}) {
        Path const larger = scratch_->path() / Path(folder).filename();
        std::filesystem::rename(root_ / folder, larger);
        std::filesystem::create_directory_symlink(larger, root_ / folder);
        EXPECT_THAT(names(), ElementsAre("pack/d/1", "pack/m/2", "snapshot/3")) << folder;
    }
    ASSERT_TRUE(put("pack/d/4"));
    EXPECT_THAT(names(), ElementsAre("pack/d/1", "pack/d/4", "pack/m/2", "snapshot/3"));
    std::filesystem::remove_all(scratch_->path() / "pack");
    EXPECT_FALSE(store_->list("", [](ObjectInfo const&) { return Result<void>(); }, {}))
        << "a link that leads nowhere is a disk that is away, not an empty folder";
}

TEST_F(LocalStoreTest, OldTemporariesAreRemovedYoungOnesStay) {
    ASSERT_TRUE(system::make_folders(root_ / "_tmp"));
    ASSERT_TRUE(system::write_file(root_ / "_tmp/old", as_bytes("x")));
    ASSERT_TRUE(system::write_file(root_ / "_tmp/young", as_bytes("x")));
    timespec const times[2] = {{::time(nullptr) - 90'000, 0}, {::time(nullptr) - 90'000, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (root_ / "_tmp/old").c_str(), times, 0), 0);
    ASSERT_TRUE(open_local({.root = root_}));
    EXPECT_FALSE(system::exists(root_ / "_tmp/old"));
    EXPECT_TRUE(system::exists(root_ / "_tmp/young"));
    EXPECT_THAT(names(), IsEmpty());
}

TEST_F(LocalStoreTest, ReadOnlyOpenChangesNothing) {
    ASSERT_TRUE(put("a"));
    std::size_t steps = 0;
    system::set_step_hook([&](Step, std::string_view) {
        ++steps;
        return Result<void>();
    });
    auto const opened = open_local({.root = root_, .create = true, .read_only = true});
    ASSERT_TRUE(opened);
    EXPECT_TRUE((*opened)->head("a", {}));
    EXPECT_TRUE((*opened)->now({}));
    EXPECT_EQ((*opened)->put("b", {}, PutMode::replace, {}).error().fault(), Fault::denied);
    EXPECT_EQ((*opened)->remove("a", {}).error().fault(), Fault::denied);
    system::set_step_hook(nullptr);
    EXPECT_EQ(steps, 0u);
}

TEST_F(LocalStoreTest, ReadingChangesNoObjectsAge) {
    // PBS #5982: collection by access time lost data; ours looks at mtime only
    ASSERT_TRUE(put("a"));
    auto const before = store_->head("a", {}).value().modified;
    timespec const times[2] = {{1, 0}, {0, UTIME_OMIT}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (root_ / "a").c_str(), times, 0), 0);
    ASSERT_TRUE(store_->read("a", 0, 1, {}));
    EXPECT_EQ(store_->head("a", {}).value().modified, before);
}

TEST_F(LocalStoreTest, ABodyThatBypassesTheCacheIsWholeAndNamedLast) {
    std::string body((std::size_t{17} << 20) + 4097, '\0');
    for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * i >> 7);
    std::size_t writes = 0;
    bool named = false;
    system::set_step_hook([&](Step step, std::string_view) -> Result<void> {
        bool const write = step == Step::write;
        EXPECT_FALSE(write && named);
        writes += write ? 1 : 0;
        named = named || step == Step::rename;
        return {};
    });
    ASSERT_TRUE(put("pack/long", body));
    system::set_step_hook(nullptr);
    EXPECT_GE(writes, 9u);
    auto const read = store_->read("pack/long", 0, body.size(), {});
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_TRUE(std::ranges::equal(*read, as_bytes(body)));
}

TEST_F(LocalStoreTest, ALongBodyThatIsStoppedOrRefusedLeavesNothing) {
    std::string const body(std::size_t{20} << 20, 'x');
    std::stop_source stop;
    std::size_t writes = 0;
    system::set_step_hook([&](Step step, std::string_view) -> Result<void> {
        if (step == Step::write && ++writes == 3) stop.request_stop();
        return {};
    });
    auto const stopped =
        store_->put("pack/long", as_bytes(body), PutMode::replace, stop.get_token());
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().fault(), Fault::cancelled);
    writes = 0;
    system::set_step_hook([&](Step step, std::string_view) -> Result<void> {
        if (step == Step::write && ++writes == 3) return fail(Fault::exhausted, "the disk is full");
        return {};
    });
    auto const refused = store_->put("pack/long", as_bytes(body), PutMode::replace, {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().fault(), Fault::exhausted);
    system::set_step_hook(nullptr);
    EXPECT_THAT(names(), IsEmpty());
    EXPECT_EQ(temporaries(), 0u);
}

}  // namespace
}  // namespace perdure::store
