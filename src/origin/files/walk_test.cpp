#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "origin/files/reader.h"
#include "origin/files/xattr.h"
#include "origin/tree_testing.h"

namespace perdure::origin {
namespace {

using data::EntryKind;

class FilesReader : public testing::Test {
protected:
    system::ScratchFolder scratch_ = *system::ScratchFolder::create();
    system::Path const root_ = scratch_.path() / "tree";
    void SetUp() override { std::filesystem::create_directory(root_); }
    Listed list() {
        auto listed = list_source(files_source(root_));
        EXPECT_TRUE(listed) << listed.error().message();
        return listed ? std::move(*listed) : Listed{};
    }
};

TEST_F(FilesReader, GoesDepthFirstInByteOrder) {
    put(root_ / "b" / "2", "");
    put(root_ / "b" / "10", "");
    put(root_ / "a.txt", "");
    put(root_ / "a" / "x", "");
    put(root_ / "\xff", "");
    put(root_ / "new\nline", "");
    std::filesystem::create_directory(root_ / "empty");
    std::vector<std::string> const expected = {"+",      "+a",        "a/x",  "-a", "a.txt",
                                               "+b",     "b/10",      "b/2",  "-b", "+empty",
                                               "-empty", "new\nline", "\xff", "-"};
    EXPECT_EQ(list().order, expected);
}

TEST_F(FilesReader, RecordsEveryKindWithItsMetadata) {
    put(root_ / "file", "hello");
    ASSERT_EQ(::chmod((root_ / "file").c_str(), 04711), 0);
    timespec const times[2] = {{1, 2}, {1600000000, 987654321}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (root_ / "file").c_str(), times, 0), 0);
    std::filesystem::create_symlink("no/where\xfe", root_ / "link");
    ASSERT_EQ(::mkfifo((root_ / "fifo").c_str(), 0640), 0);
    ASSERT_EQ(::mknod((root_ / "socket").c_str(), S_IFSOCK | 0600, 0), 0);
    Listed const listed = list();
    data::Entry const& file = listed.items.at("file").entry;
    EXPECT_EQ(file.kind, EntryKind::file);
    EXPECT_EQ(file.mode, 04711u);
    EXPECT_EQ(file.size, 5u);
    EXPECT_EQ(file.modified, (Timestamp{1600000000, 987654321}));
    EXPECT_EQ(file.uid, ::geteuid());
    EXPECT_NE(file.inode, 0u);
    EXPECT_EQ(file.user == "root", ::geteuid() == 0);
    EXPECT_EQ(listed.items.at("link").entry.link_target, "no/where\xfe");
    EXPECT_EQ(listed.items.at("fifo").entry.kind, EntryKind::fifo);
    EXPECT_EQ(listed.items.at("fifo").entry.mode, 0640u);
    EXPECT_EQ(listed.items.at("socket").entry.kind, EntryKind::socket);
    EXPECT_FALSE(listed.items.at("fifo").content);
    EXPECT_EQ(*read_all(*listed.items.at("file").content), "hello");
}

TEST_F(FilesReader, ReadsAttributesWithAndWithoutTheNewSystemCalls) {
    put(root_ / "file", "x");
    if (write_xattr(AT_FDCWD, (root_ / "file").c_str(), {"user.b", to_bytes("2")}) != 0)
        GTEST_SKIP() << "no user attributes on this file system";
    ASSERT_EQ(write_xattr(AT_FDCWD, (root_ / "file").c_str(), {"user.a", Bytes(3000)}), 0);
    ASSERT_EQ(write_xattr(AT_FDCWD, root_.c_str(), {"user.root", {}}), 0);
    std::vector<data::Xattr> const expected = {{"user.a", Bytes(3000)}, {"user.b", to_bytes("2")}};
    for (bool old_kernel : {false, true}) {
        pretend_no_xattr_calls(old_kernel);
        Listed const listed = list();
        EXPECT_EQ(listed.items.at("file").entry.xattrs, expected);
        EXPECT_EQ(listed.items.at("").entry.xattrs.size(), 1u);
    }
    pretend_no_xattr_calls(false);
}

TEST_F(FilesReader, NamesTheFirstNameOfAHardLink) {
    put(root_ / "z" / "first", "content");
    put(root_ / "alone", "content");
    std::filesystem::create_hard_link(root_ / "z" / "first", root_ / "a");
    std::filesystem::create_hard_link(root_ / "z" / "first", root_ / "z" / "second");
    Listed const listed = list();
    EXPECT_EQ(listed.items.at("a").entry.same_as, "");
    EXPECT_TRUE(listed.items.at("a").content);
    EXPECT_EQ(listed.items.at("z/first").entry.same_as, "a");
    // The first name may lead to another file by the time it is read.
    EXPECT_EQ(*read_all(*listed.items.at("z/first").content), "content");
    EXPECT_EQ(listed.items.at("z/second").entry.same_as, "a");
    EXPECT_EQ(listed.items.at("alone").entry.same_as, "");
}

// The inode's file can be removed during a walk and the number given to the next one.
TEST(HardLinks, AnInodeThatBelongsToAnotherFileByNowLinksNothing) {
    HardLinks links;
    auto const meet = [&](char const* path, Timestamp changed, std::uint64_t size) {
        data::TreeItem item;
        item.entry.kind = EntryKind::file;
        item.entry.links = 2;
        item.entry.device = 1;
        item.entry.inode = 7;
        item.entry.changed = item.entry.modified = changed;
        item.entry.size = size;
        links.resolve(item, path);
        return item.entry.same_as;
    };
    EXPECT_EQ(meet("a", {100, 0}, 5), "");
    EXPECT_EQ(meet("b", {200, 0}, 5), "");
    EXPECT_EQ(meet("c", {200, 0}, 5), "b");
    EXPECT_EQ(meet("d", {200, 0}, 5), "");  // every name of b has been met
}

TEST_F(FilesReader, TellsHolesFromData) {
    std::string const path = root_ / "sparse";
    int const file = ::open(path.c_str(), O_CREAT | O_WRONLY, 0644);
    ASSERT_EQ(::ftruncate(file, 10 << 20), 0);
    ASSERT_EQ(::pwrite(file, "data", 4, 4 << 20), 4);
    ::close(file);
    Listed const listed = list();
    data::Entry const& entry = listed.items.at("sparse").entry;
    if (!entry.sparse) GTEST_SKIP() << "this file system does not tell holes";
    ASSERT_EQ(entry.extents.size(), 1u);
    EXPECT_EQ(entry.extents[0].offset, 4u << 20);
    EXPECT_EQ(entry.size, 10u << 20);
    auto const content = read_all(*listed.items.at("sparse").content);
    EXPECT_EQ(content->size(), entry.extents[0].length);
    EXPECT_EQ(content->substr(0, 4), "data");
}

TEST_F(FilesReader, ReadsWhatWasWrittenIntoAHoleSinceTheWalk) {
    std::string const path = root_ / "sparse";
    int const file = ::open(path.c_str(), O_CREAT | O_RDWR, 0644);
    ASSERT_EQ(::ftruncate(file, 10 << 20), 0);
    ASSERT_EQ(::pwrite(file, "data", 4, 4 << 20), 4);
    Listed const listed = list();
    data::TreeItem const& item = listed.items.at("sparse");
    if (!item.entry.sparse) GTEST_SKIP() << "this file system does not tell holes";
    ASSERT_EQ(::pwrite(file, "late", 4, 8 << 20), 4);
    ASSERT_EQ(::pwrite(file, "more", 4, 12 << 20), 4);  // beyond its old end
    auto source = item.content->open({});
    ASSERT_TRUE(source);
    std::string joined(64 << 20, 0);
    joined.resize(
        *(*source)->read(ByteSpan(reinterpret_cast<std::byte*>(joined.data()), joined.size())));
    data::Entry const after = *(*source)->entry_after_reading();
    EXPECT_EQ(after.size, (12u << 20) + 4);
    std::string whole(after.size, 0);
    std::size_t at = 0;
    for (data::Extent const& extent : after.extents) {
        whole.replace(extent.offset, extent.length, joined.substr(at, extent.length));
        at += extent.length;
    }
    EXPECT_EQ(at, joined.size());
    EXPECT_EQ(whole.substr(4 << 20, 4), "data");
    EXPECT_EQ(whole.substr(8 << 20, 4), "late");
    EXPECT_EQ(whole.substr(12 << 20), "more");
    // And once it is no sparse file any more, all of it.
    std::string const full(whole.size(), 'x');
    ASSERT_EQ(::pwrite(file, full.data(), full.size(), 0), static_cast<ssize_t>(full.size()));
    ::close(file);
    EXPECT_EQ(*read_all(*item.content), full);
}

TEST_F(FilesReader, WhatIsWrittenThroughAMappingAfterTheReadingShows) {
    struct statfs system{};
    ASSERT_EQ(::statfs(root_.c_str(), &system), 0);
    if (system.f_type == TMPFS_MAGIC) GTEST_SKIP() << "a tmpfs has nothing to write back to";
    put(root_ / "mapped", std::string(4096, '0'));
    int const file = ::open((root_ / "mapped").c_str(), O_RDWR);
    ASSERT_EQ(::fsync(file), 0);
    void* const mapping = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ASSERT_NE(mapping, MAP_FAILED);
    auto* const bytes = static_cast<char*>(mapping);
    bytes[0] = '1';  // stamped: the page was clean
    Listed const before = list();
    EXPECT_EQ((*read_all(*before.items.at("mapped").content))[0], '1');
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // stamps are no finer everywhere
    bytes[0] = '2';
    Listed const after = list();
    EXPECT_FALSE(
        data::looks_unchanged(before.items.at("mapped").entry, after.items.at("mapped").entry));
    ::munmap(mapping, 4096);
    ::close(file);
}

TEST_F(FilesReader, LeavesOutWhatIsExcludedAndCaches) {
    put(root_ / "keep", "");
    put(root_ / "logs" / "a.log", "");
    put(root_ / "logs" / "b", "");
    put(root_ / "node_modules" / "x", "");
    put(root_ / "cache" / "CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n# x");
    put(root_ / "cache" / "big", "");
    put(root_ / "fake" / "CACHEDIR.TAG", "no signature");
    put(root_ / "fake" / "kept", "");
    SourceOptions source = files_source(root_);
    source.exclude = {"*.log", "node_modules/", "!keep"};
    auto listed = list_source(source);
    ASSERT_TRUE(listed);
    EXPECT_TRUE(listed->items.contains("keep"));
    EXPECT_TRUE(listed->items.contains("logs/b"));
    EXPECT_FALSE(listed->items.contains("logs/a.log"));
    EXPECT_FALSE(listed->items.contains("node_modules"));
    EXPECT_TRUE(listed->items.contains("cache/CACHEDIR.TAG"));
    EXPECT_FALSE(listed->items.contains("cache/big"));
    EXPECT_TRUE(listed->items.contains("fake/kept"));
    source.exclude_caches = false;
    EXPECT_TRUE(list_source(source)->items.contains("cache/big"));
}

TEST_F(FilesReader, StaysOnOneFileSystemWhenAsked) {
    std::filesystem::create_directory(root_ / "mounted");
    if (::mount("none", (root_ / "mounted").c_str(), "tmpfs", 0, nullptr) != 0)
        GTEST_SKIP() << "cannot mount here";
    put(root_ / "mounted" / "inside", "");
    SourceOptions source = files_source(root_);
    source.one_file_system = true;
    auto const alone = list_source(source);
    auto const all = list();
    ::umount((root_ / "mounted").c_str());
    ASSERT_TRUE(alone);
    EXPECT_TRUE(alone->items.contains("mounted"));
    EXPECT_FALSE(alone->items.contains("mounted/inside"));
    EXPECT_TRUE(all.items.contains("mounted/inside"));
}

TEST_F(FilesReader, NeverDescendsIntoTheKernelsViews) {
    std::filesystem::create_directory(root_ / "proc");
    if (::mount("none", (root_ / "proc").c_str(), "proc", 0, nullptr) != 0)
        GTEST_SKIP() << "cannot mount here";
    auto const listed = list();
    ::umount((root_ / "proc").c_str());
    EXPECT_EQ(listed.items.size(), 2u);
}

/// The kernel's files, and those of some network file systems, say that they hold nothing.
TEST_F(FilesReader, ReadsAFileThatTellsNoSizeToItsEnd) {
    put(root_ / "file", "");
    if (::mount("/proc/kallsyms", (root_ / "file").c_str(), nullptr, MS_BIND, nullptr) != 0)
        GTEST_SKIP() << "cannot mount here";
    std::uint64_t bytes = 0;
    {
        Listed const listed = list();
        auto source = listed.items.at("file").content->open({});
        Bytes buffer(1000);
        for (;;) {
            auto const got = source ? (*source)->read(buffer) : Result<std::size_t>(0);
            if (!got || *got == 0) break;
            bytes += *got;
        }
    }
    ::umount((root_ / "file").c_str());
    EXPECT_GT(bytes, 100000u);
}

TEST_F(FilesReader, TellsThatAFileGrewShrankOrWasReplacedWhileRead) {
    for (std::string const change : {"grow", "shrink", "replace", "none"}) {
        put(root_ / "file", std::string(300000, 'x'));
        Listed const listed = list();
        data::TreeItem const& item = listed.items.at("file");
        auto source = item.content->open({});
        ASSERT_TRUE(source);
        Bytes buffer(100000);
        ASSERT_TRUE((*source)->read(buffer));
        if (change == "grow") std::ofstream(root_ / "file", std::ios::app) << "more";
        if (change == "shrink") std::filesystem::resize_file(root_ / "file", 150000);
        if (change == "replace") {
            put(root_ / "other", std::string(300000, 'y'));
            std::filesystem::rename(root_ / "other", root_ / "file");
        }
        while (*(*source)->read(buffer) > 0) continue;
        auto const after = (*source)->entry_after_reading();
        ASSERT_TRUE(after);
        EXPECT_EQ(data::looks_unchanged(item.entry, *after), change == "none") << change;
    }
}

TEST_F(FilesReader, ReportsAVanishedFileWhenItsContentIsAskedFor) {
    put(root_ / "gone", "x");
    put(root_ / "pipe", "x");
    Listed const listed = list();
    std::filesystem::remove(root_ / "gone");
    std::filesystem::remove(root_ / "pipe");
    ASSERT_EQ(::mkfifo((root_ / "pipe").c_str(), 0600), 0);  // must not block
    EXPECT_EQ(listed.items.at("gone").content->open({}).error().fault(), Fault::not_found);
    EXPECT_EQ(listed.items.at("pipe").content->open({}).error().fault(), Fault::not_found);
}

TEST_F(FilesReader, NeverOpensThroughALinkThatReplacedAFolder) {
    put(root_ / "folder" / "file", "inside");
    put(scratch_.path() / "outside" / "file", "secret");
    Listed const listed = list();
    std::filesystem::rename(root_ / "folder", root_ / "moved");
    std::filesystem::create_directory_symlink(scratch_.path() / "outside", root_ / "folder");
    EXPECT_FALSE(listed.items.at("folder/file").content->open({}));
}

/// Runs `work` as nobody when we are root; exits of the child are the verdict.
int as_nobody(std::function<int()> const& work) {
    pid_t const child = ::fork();
    if (child == 0) {
        if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) ::_exit(99);
        ::_exit(work());
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WEXITSTATUS(status);
}

TEST_F(FilesReader, NamesWhatItMayNotReadAndGoesOn) {
    put(root_ / "closed" / "inside", "x");
    put(root_ / "readable", "x");
    put(root_ / "secret", "x");
    ::chmod((root_ / "closed").c_str(), 0);
    ::chmod((root_ / "secret").c_str(), 0);
    ::chmod(root_.c_str(), 0755);
    ::chmod(scratch_.path().c_str(), 0755);
    int const verdict = as_nobody([&] {
        auto const listed = list_source(files_source(root_));
        if (!listed) return 1;
        if (listed->problems.size() != 1 || listed->problems[0].path != "closed") return 2;
        if (!listed->items.contains("closed") || !listed->items.contains("readable")) return 3;
        auto const secret = listed->items.at("secret").content->open({});
        if (secret || secret.error().fault() != Fault::denied) return 4;
        auto const problems = (*open_origin(files_source(root_)))->check({});
        if (!problems || problems->size() != 2) return 5;
        return 0;
    });
    ::chmod((root_ / "closed").c_str(), 0755);
    EXPECT_EQ(verdict, 0);
}

TEST_F(FilesReader, WalksAThousandsDeepTreeAndItsCopyIsEqual) {
    int const depth = std::getenv("PERDURE_LONG") != nullptr ? 5000 : 1500;  // past PATH_MAX
    int folder = ::open(root_.c_str(), O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < depth; ++i) {
        ASSERT_EQ(::mkdirat(folder, "dd", 0755), 0);
        int const next = ::openat(folder, "dd", O_RDONLY | O_DIRECTORY);
        ::close(folder);
        folder = next;
    }
    int const file = ::openat(folder, "bottom", O_CREAT | O_WRONLY, 0644);
    ASSERT_EQ(::write(file, "deep", 4), 4);
    ::close(file);
    ::close(folder);
    Listed listed = list();
    EXPECT_TRUE(listed.problems.empty());
    ASSERT_EQ(listed.order.size(), 2u * static_cast<unsigned>(depth + 1) + 1);
    EXPECT_EQ(
        *read_all(*listed.items.at(listed.order[static_cast<std::size_t>(depth) + 1]).content),
        "deep");
    listed = {};
    system::Path const copy = scratch_.path() / "copy";
    auto const problems = copy_tree(files_source(root_), {.folder = copy, .durable = false});
    ASSERT_TRUE(problems) << problems.error().message();
    EXPECT_EQ(*(*open_origin(files_source(root_)))->digest({}),
              *(*open_origin(files_source(copy)))->digest({}));
    shell("rm -rf '" + root_.native() + "' '" + copy.native() + "'");
}

TEST_F(FilesReader, NamesFoldersWhosePathIsTooLongToComeBack) {
    std::string const name(250, 'n');
    int folder = ::open(root_.c_str(), O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 70; ++i) {
        ::close(::openat(folder, "file", O_CREAT | O_WRONLY, 0644));
        ASSERT_EQ(::mkdirat(folder, name.c_str(), 0755), 0);
        int const next = ::openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY);
        ::close(folder);
        folder = next;
    }
    ::close(folder);
    put(root_ / "zebra", "");
    Listed const listed = list();
    ASSERT_EQ(listed.problems.size(), 1u);
    constexpr std::size_t longest = 16 << 10;
    EXPECT_GT(listed.problems[0].path.size(), longest);
    EXPECT_LE(listed.problems[0].path.size(), longest + name.size() + 1);
    EXPECT_NE(listed.problems[0].reason.find("longer than 16 KiB"), std::string::npos);
    std::size_t files = 0;
    for (auto const& [path, item] : listed.items) files += path.ends_with("file") ? 1 : 0;
    EXPECT_EQ(files, longest / (name.size() + 1) + 1);
    EXPECT_TRUE(listed.items.contains("zebra"));
    shell("rm -rf '" + root_.native() + "'");
}

TEST_F(FilesReader, ListsAHundredThousandNamesInOneFolder) {
    int const count = std::getenv("PERDURE_LONG") != nullptr ? 100000 : 3000;
    int const folder = ::open(root_.c_str(), O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < count; ++i)
        ::close(::openat(folder, ("name-" + std::to_string(i)).c_str(), O_CREAT | O_WRONLY, 0600));
    ::close(folder);
    auto reader = (*open_origin(files_source(root_)))->open_tree({});
    ASSERT_TRUE(reader);
    std::string before;
    int seen = 0;
    for (;;) {
        auto item = (*reader)->next({});
        ASSERT_TRUE(item);
        if (!*item) break;
        if ((*item)->step != data::TreeItem::Step::leaf) continue;
        EXPECT_LT(before, (*item)->entry.name);
        before = (*item)->entry.name;
        ++seen;
    }
    EXPECT_EQ(seen, count);
}

TEST_F(FilesReader, StopsWhenAskedAndMayBeDroppedHalfWay) {
    for (int i = 0; i < 1100; ++i) put(root_ / std::to_string(i), "");
    auto reader = (*open_origin(files_source(root_)))->open_tree({});
    ASSERT_TRUE((*reader)->next({}));
    std::stop_source stop;
    stop.request_stop();
    Result<std::optional<data::TreeItem>> item;
    do item = (*reader)->next(stop.get_token());
    while (item && *item);
    ASSERT_FALSE(item);
    EXPECT_EQ(item.error().fault(), Fault::cancelled);
}

TEST_F(FilesReader, RefusesWhatIsNoFolder) {
    put(root_ / "file", "");
    EXPECT_EQ((*open_origin(files_source(root_ / "file")))->test({}).error().fault(),
              Fault::invalid);
    EXPECT_EQ((*open_origin(files_source(root_ / "absent")))->test({}).error().fault(),
              Fault::not_found);
    EXPECT_TRUE((*open_origin(files_source(root_)))->test({}));
}

TEST(OpenOrigin, NamesTheKnownTypesWhenAskedForAnother) {
    SourceOptions source = files_source("/");
    source.type = "tape";
    auto const opened = open_origin(source);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().fault(), Fault::invalid);
    EXPECT_NE(opened.error().fix().find("files"), std::string::npos);
}

}  // namespace
}  // namespace perdure::origin
