#include "system/folder/list_folder.h"

#include <dirent.h>
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>

// No test can make a disk fail, so this call of this program is answered as the kernel does then.

namespace {
std::atomic<int> names_left = -1;  // before listing fails; negative: it does not
}  // namespace

extern "C" dirent* readdir(DIR* folder) {
    static auto* const real = reinterpret_cast<dirent* (*)(DIR*)>(::dlsym(RTLD_NEXT, "readdir"));
    if (names_left < 0 || names_left-- > 0) return real(folder);
    names_left = 0;
    errno = EIO;
    return nullptr;
}

namespace perdure::system {
namespace {

TEST(ListFolder, GivesWhatItCouldListAndTellsWhyNoMore) {
    auto const scratch = *ScratchFolder::create();
    for (char const* name : {"a", "b", "c"}) ASSERT_TRUE(write_file(scratch.path() / name, {}));
    std::error_code error;
    EXPECT_EQ(list_folder(scratch.path(), error).size(), 3u);
    EXPECT_FALSE(error);
    EXPECT_TRUE(list_folder(scratch.path() / "none", error).empty());
    EXPECT_EQ(error, std::errc::no_such_file_or_directory);
    names_left = 4;  // "." and ".." are names, too
    EXPECT_EQ(list_folder(scratch.path(), error).size(), 2u);
    EXPECT_EQ(error, std::errc::io_error);
    names_left = -1;
}

}  // namespace
}  // namespace perdure::system
