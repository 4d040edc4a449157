#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "origin/files/xattr.h"
#include "origin/tree_testing.h"

// No test can make a disk fail, so these calls of this program are answered as the kernel does when
// one fails, or holds more than disks of today.

namespace {

std::atomic<ino_t> bad_folder = 0;     // its names break off after the first call
std::atomic<int> bad_attribute = 0;    // errno of the values of user.bad…
std::atomic<bool> fat_values = false;  // each value is as long as the kernel allows

bool breaks_off(int folder) {
    static std::atomic<int> calls = 0;
    struct stat status{};
    if (bad_folder == 0 || ::fstat(folder, &status) != 0 || status.st_ino != bad_folder)
        return false;
    return calls++ > 0;
}

/// Of a look at an attribute; 0: as the kernel says.
long answer(char const* attribute, void* into, std::size_t size) {
    bool const bad = std::string_view(attribute).starts_with("user.bad");
    constexpr std::size_t longest = 65536;
    if (!(bad && bad_attribute != 0) && !fat_values) return 0;
    errno = bad ? bad_attribute.load() : ERANGE;
    if (bad || size < longest) return -1;
    std::memset(into, 'x', longest);
    return longest;
}

}  // namespace

extern "C" long syscall(long number, ...) noexcept {
    using Call = long (*)(long, ...);
    static std::atomic<Call> known = nullptr;  // a guard of its own would wait by this very call
    Call real = known;
    if (!real) known = real = reinterpret_cast<Call>(::dlsym(RTLD_NEXT, "syscall"));
    va_list given;
    va_start(given, number);
    long words[6];
    for (long& word : words) word = va_arg(given, long);
    va_end(given);
    if (number == SYS_getdents64 && breaks_off(static_cast<int>(words[0]))) {
        errno = EIO;
        return -1;
    }
    constexpr long getxattrat = 464;
    if (number == getxattrat) {
        auto const* const place = reinterpret_cast<std::uint64_t const*>(words[4]);
        long const got = answer(reinterpret_cast<char const*>(words[3]),
                                reinterpret_cast<void*>(place[0]), place[1] & 0xffffffff);
        if (got != 0) return got;
    }
    return real(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}

/// What older kernels are asked by.
extern "C" ssize_t lgetxattr(char const* path, char const* attribute, void* into,
                             std::size_t size) noexcept {
    long const got = answer(attribute, into, size);
    return got != 0 ? got : ::syscall(SYS_lgetxattr, path, attribute, into, size);
}

namespace perdure::origin {
namespace {

class BadDisk : public testing::Test {
protected:
    ~BadDisk() override {
        bad_folder = 0;
        bad_attribute = 0;
        fat_values = false;
    }
    void TearDown() override { pretend_no_xattr_calls(false); }
    Listed list() {
        auto listed = list_source(files_source(root_));
        EXPECT_TRUE(listed) << listed.error().message();
        return listed ? std::move(*listed) : Listed{};
    }
    bool set(std::string const& name) {
        return write_xattr(AT_FDCWD, (root_ / "file").c_str(), {name, to_bytes("1")}) == 0;
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

TEST_F(BadDisk, AttributesThatCannotBeReadAreToldAndTheOthersKept) {
    put(root_ / "file", "x");
    if (!set("user.bad")) GTEST_SKIP() << "no user attributes on this file system";
    ASSERT_TRUE(set("user.good"));
    for (bool const old_kernel : {false, true}) {
        pretend_no_xattr_calls(old_kernel);
        bad_attribute = EIO;
        Listed const listed = list();
        ASSERT_EQ(listed.problems.size(), 1u);
        EXPECT_EQ(listed.problems[0].path, "file");
        EXPECT_NE(listed.problems[0].reason.find("Input/output error"), std::string::npos);
        auto const& kept = listed.items.at("file").entry.xattrs;
        ASSERT_EQ(kept.size(), 1u);
        EXPECT_EQ(kept[0].name, "user.good");
        EXPECT_EQ(*read_all(*listed.items.at("file").content), "x");
        bad_attribute = ENODATA;  // it went between listing and reading
        EXPECT_TRUE(list().problems.empty());
    }
}

TEST_F(BadDisk, MoreAttributesThanCanBeReadBackAreToldAndLeftOut) {
    put(root_ / "file", "x");
    if (!set("user.0")) GTEST_SKIP() << "no user attributes on this file system";
    constexpr int attributes = 70;  // 70 × 64 KiB
    for (int i = 1; i < attributes; ++i) ASSERT_TRUE(set("user." + std::to_string(i)));
    fat_values = true;
    Listed const listed = list();
    ASSERT_EQ(listed.problems.size(), 1u);
    EXPECT_NE(listed.problems[0].reason.find("more attributes"), std::string::npos);
    data::Entry const& entry = listed.items.at("file").entry;
    EXPECT_GT(entry.xattrs.size(), 10u);
    Encoder out;
    data::encode_entry(out, entry);
    EXPECT_LT(out.size(), xattr_bytes_max + 10'000);
    Decoder in(out.view());
    EXPECT_TRUE(data::decode_entry(in));
}

}  // namespace
}  // namespace perdure::origin
