#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <sys/syscall.h>

#include <algorithm>
#include <atomic>

#include "origin/tree_testing.h"

// No test can make a disk fail, so this call of this program is answered as the kernel does then.

namespace {

std::atomic<ino_t> bad_folder = 0;     // its names break off after the first call

bool breaks_off(int folder) {
    static std::atomic<int> calls = 0;
    struct stat status{};
    if (bad_folder == 0 || ::fstat(folder, &status) != 0 || status.st_ino != bad_folder)
        return false;
    return calls++ > 0;
}

}  // namespace

extern "C" long syscall(long number, ...) noexcept {
    static auto* const real = reinterpret_cast<long (*)(long, ...)>(::dlsym(RTLD_NEXT, "syscall"));
    va_list given;
    va_start(given, number);
    long words[6];
    for (long& word : words) word = va_arg(given, long);
    va_end(given);
    if (number == SYS_getdents64 && breaks_off(static_cast<int>(words[0]))) {
        errno = EIO;
        return -1;
    }
    return real(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}

namespace perdure::origin {
namespace {

class BadDisk : public testing::Test {
protected:
    ~BadDisk() override { bad_folder = 0; }
    Listed list() {
        auto listed = list_source(files_source(root_));
        EXPECT_TRUE(listed) << listed.error().message();
        return listed ? std::move(*listed) : Listed{};
    }

    system::ScratchFolder scratch_ = *system::ScratchFolder::create();
    system::Path const root_ = scratch_.path() / "tree";
};

TEST_F(BadDisk, AFolderThatIsListedInPartOnlyIsNamedAndAllElseComes) {
    constexpr int files = 4000;  // more than one call lists
    for (int i = 0; i < files; ++i)
        put(root_ / "bad" / ("a-long-enough-name-" + std::to_string(i * 7919 % files)), "");
    put(root_ / "good" / "z", "");
    struct stat status{};
    ASSERT_EQ(::stat((root_ / "bad").c_str(), &status), 0);
    bad_folder = status.st_ino;
    Listed const listed = list();
    ASSERT_EQ(listed.problems.size(), 1u);
    EXPECT_EQ(listed.problems[0].path, "bad");
    EXPECT_NE(listed.problems[0].reason.find("cannot list all of it: "), std::string::npos);
    EXPECT_TRUE(listed.items.contains("good/z"));
    std::vector<std::string> names;
    for (auto const& path : listed.order)
        if (path.starts_with("bad/")) names.push_back(path);
    EXPECT_GT(names.size(), 100u);
    EXPECT_LT(names.size(), static_cast<std::size_t>(files));
    EXPECT_TRUE(std::ranges::is_sorted(names));
}

}  // namespace
}  // namespace perdure::origin
