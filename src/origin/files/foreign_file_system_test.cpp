#include <errno.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

#include "origin/files/metadata.h"
#include "system/file.h"

// A file system that keeps no modes or times cannot be mounted by everybody who runs the tests, so
// the two calls of this program are answered here as FAT and some file systems of FUSE do.

namespace {
std::atomic<int> answer = 0;  // errno; 0: as the kernel says
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

TEST_F(ForeignFileSystem, ADiskThatFailsIsAnErrorStill) {
    EXPECT_FALSE(apply(EIO));
    EXPECT_FALSE(apply(EROFS));
}

}  // namespace
}  // namespace perdure::origin
