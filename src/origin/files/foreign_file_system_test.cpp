#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

#include "base/ascii.h"
#include "data/bytes/memory_content.h"
#include "origin/files/metadata.h"
#include "origin/files/target.h"
#include "system/file.h"

// A file system that keeps no modes or times, or takes "a" for "A", cannot be mounted by everybody
// who runs the tests, so these calls of this program are answered as FAT and some of FUSE do.

namespace {
std::atomic<int> answer = 0;         // errno; 0: as the kernel says
std::atomic<bool> one_case = false;  // names in lower case are taken, whatever there is
std::atomic<bool> folding = false;   // names are what is there in whatever letters

std::string listed(int folder, char const* name) {
    std::string found = name;
    if (!folding) return found;
    int const opened = static_cast<int>(::syscall(SYS_openat, folder, ".", O_RDONLY | O_DIRECTORY));
    DIR* const names = ::fdopendir(opened);
    while (dirent const* const entry = ::readdir(names))
        if (perdure::ascii_same(entry->d_name, name)) found = entry->d_name;
    ::closedir(names);
    return found;
}
}  // namespace

extern "C" int renameat2(int from, char const* old_name, int to, char const* name,
                         unsigned flags) noexcept {
    if (!one_case || *name != 'a')
        return static_cast<int>(
            ::syscall(SYS_renameat2, from, old_name, to, listed(to, name).c_str(), flags));
    errno = EEXIST;
    return -1;
}
extern "C" int mkdirat(int folder, char const* name, mode_t mode) noexcept {
    if (!one_case || *name != 'b')
        return static_cast<int>(::syscall(SYS_mkdirat, folder, listed(folder, name).c_str(), mode));
    errno = EEXIST;
    return -1;
}
extern "C" int fstatat(int folder, char const* name, struct stat* into, int flags) noexcept {
    return static_cast<int>(
        ::syscall(SYS_newfstatat, folder, listed(folder, name).c_str(), into, flags));
}

extern "C" int fchmod(int file, mode_t mode) noexcept {
    if (answer == 0) return static_cast<int>(::syscall(SYS_fchmod, file, mode));
    errno = answer;
    return -1;
}
extern "C" int futimens(int file, struct timespec const times[2]) noexcept {
    if (answer == 0) return static_cast<int>(::syscall(SYS_utimensat, file, nullptr, times, 0));
    errno = answer;
    return -1;
}

namespace perdure::origin {
namespace {

class ForeignFileSystem : public ::testing::Test {
protected:
    ~ForeignFileSystem() override { answer = 0; }
    Result<void> apply(int error) {
        auto const scratch = system::ScratchFolder::create();
        auto const file = system::File::create(scratch->path() / "file");
        data::Entry entry;
        entry.name = "file";
        entry.mode = 0640;
        entry.uid = ::geteuid();
        entry.gid = ::getegid();
        entry.modified = {1'000'000, 5};
        answer = error;
        auto done = apply_metadata({file->descriptor(), "", "file"}, entry, {}, shortfalls_);
        answer = 0;
        struct stat status{};
        ::fstat(file->descriptor(), &status);
        mode_ = status.st_mode & 07777;
        time_ = status.st_mtim.tv_sec;
        return done;
    }
    Shortfalls shortfalls_;
    unsigned mode_ = 0;
    std::int64_t time_ = 0;
};

TEST_F(ForeignFileSystem, WhatItCannotKeepIsToldAndCostsNothingElse) {
    for (int const error : {EPERM, EACCES, EINVAL, ENOSYS, EOPNOTSUPP}) {
        ASSERT_TRUE(apply(error)) << error;
        auto const told = shortfalls_.take();
        ASSERT_EQ(told.size(), 2u) << error;
        EXPECT_NE((told[0].reason + told[1].reason).find("the mode was not restored"),
                  std::string::npos);
        EXPECT_NE((told[0].reason + told[1].reason).find("the time was not restored"),
                  std::string::npos);
    }
    ASSERT_TRUE(apply(0));
    EXPECT_TRUE(shortfalls_.take().empty());
    EXPECT_EQ(mode_, 0640u);
    EXPECT_EQ(time_, 1'000'000);
}

TEST_F(ForeignFileSystem, OfNamesThatAreOneThereTheSecondReplacesNotTheFirst) {
    auto const scratch = system::ScratchFolder::create();
    TargetOptions options;
    options.folder = scratch->path() / "to";
    options.overwrite = true;
    ASSERT_TRUE(system::make_folders(options.folder / "B"));
    ASSERT_TRUE(system::write_file(options.folder / "B" / "x", as_bytes("old")));
    ASSERT_TRUE(system::write_file(options.folder / "OLD", as_bytes("old")));
    auto const target = open_files_target(options);
    ASSERT_TRUE(target);
    data::Entry file, folder, link;
    file.kind = data::EntryKind::file;
    file.mode = 0600;
    file.size = 4;
    folder.kind = data::EntryKind::folder;
    folder.mode = 0700;
    link.kind = data::EntryKind::symlink;
    link.link_target = "A";
    data::MemorySource one(as_bytes("one!")), two(as_bytes("two!")), three(as_bytes("3333")),
        four(as_bytes("4444")), five(as_bytes("5555")), six(as_bytes("6666"));
    folding = true;
    EXPECT_TRUE((*target)->make_folder("B", folder));
    EXPECT_TRUE((*target)->write_file("A", file, one));
    EXPECT_TRUE((*target)->write_file("B/x", file, two));
    EXPECT_TRUE((*target)->write_file("old", file, three)) << "nothing else is called so";
    for (auto const& refused :
         {(*target)->make_folder("b", folder), (*target)->write_file("a", file, four),
          (*target)->write_file("B/X", file, five), (*target)->make_other("a", link),
          (*target)->make_folder("a", folder), (*target)->write_file("OLD", file, six)}) {
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code(), 3);
    }
    folding = false;
    auto const told = (*target)->take_problems();
    ASSERT_EQ(told.size(), 6u);
    EXPECT_NE(told[0].reason.find("takes it for B"), std::string::npos) << told[0].reason;
    EXPECT_NE(told[1].reason.find("takes it for A"), std::string::npos) << told[1].reason;
    EXPECT_EQ(to_string(*system::read_file(options.folder / "A", 10)), "one!");
    EXPECT_EQ(to_string(*system::read_file(options.folder / "B/x", 10)), "two!");
    EXPECT_EQ(to_string(*system::read_file(options.folder / "OLD", 10)), "3333");
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(options.folder), {}), 3);
}

TEST_F(ForeignFileSystem, OfNamesThatAreOneThereTheFirstStaysAndTheOtherIsNamed) {
    auto const scratch = system::ScratchFolder::create();
    TargetOptions options;
    options.folder = scratch->path() / "to";
    auto const target = open_files_target(options);
    ASSERT_TRUE(target);
    data::Entry file, folder;
    file.kind = data::EntryKind::file;
    file.mode = 0600;
    file.size = 4;
    folder.kind = data::EntryKind::folder;
    folder.mode = 0700;
    data::MemorySource first(as_bytes("text")), second(as_bytes("text")), third(as_bytes("text"));
    ASSERT_TRUE((*target)->make_folder("B", folder));
    ASSERT_TRUE((*target)->write_file("A", file, first));
    one_case = true;
    auto const made = (*target)->make_folder("b", folder);
    auto const written = (*target)->write_file("a", file, second);
    one_case = false;
    for (auto const* done : {&made, &written}) {
        ASSERT_FALSE(*done);
        EXPECT_EQ(done->error().code(), 3);
    }
    auto const told = (*target)->take_problems();
    ASSERT_EQ(told.size(), 2u);
    EXPECT_EQ(told[0].path, "b");
    EXPECT_NE(told[0].reason.find("takes it for B"), std::string::npos) << told[0].reason;
    EXPECT_NE(told[1].reason.find("takes it for A"), std::string::npos) << told[1].reason;
    EXPECT_EQ(to_string(*system::read_file(options.folder / "A", 10)), "text");
    EXPECT_EQ((*target)->write_file("A", file, third).error().fault(), Fault::conflict);
}

TEST_F(ForeignFileSystem, ADiskThatFailsIsAnErrorStill) {
    EXPECT_FALSE(apply(EIO));
    EXPECT_FALSE(apply(EROFS));
}

}  // namespace
}  // namespace perdure::origin
