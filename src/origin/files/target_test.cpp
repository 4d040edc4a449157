#include <fcntl.h>
#include <sys/wait.h>

#include <atomic>
#include <thread>

#include "origin/files/xattr.h"
#include "origin/tree_testing.h"
#include "system/step.h"

namespace perdure::origin {
namespace {

using data::EntryKind;

/// A tree with one of everything that this machine lets us make.
void make_rich_tree(system::Path const& root) {
    put(root / "plain.txt", "hello\n");
    put(root / "empty", "");
    put(root / "sub" / "big", std::string(700001, 'q'));
    put(root / "sub" / "name\nwith newline", "n");
    put(root / "sub" / "bytes \xff\xfe", "b");
    put(root / std::string(255, 'L'), "long");
    put(root / "linked", "one inode");
    std::filesystem::create_hard_link(root / "linked", root / "sub" / "a link");
    std::filesystem::create_symlink("../outside/../x", root / "sub" / "symlink");
    std::filesystem::create_directories(root / "sticky" / "inner");
    ::chmod((root / "sticky").c_str(), 01777);
    ::chmod((root / "sub" / "big").c_str(), 04751);
    ::chmod((root / "sticky" / "inner").c_str(), 0500);
    ::mkfifo((root / "fifo").c_str(), 0620);
    int const sparse = ::open((root / "sparse").c_str(), O_CREAT | O_WRONLY, 0644);
    EXPECT_EQ(::ftruncate(sparse, 8 << 20), 0);
    EXPECT_EQ(::pwrite(sparse, "mid", 3, 4 << 20), 3);
    ::close(sparse);
    (void)write_xattr(AT_FDCWD, (root / "plain.txt").c_str(),
                      {"user.mime", to_bytes("text/plain")});
    (void)write_xattr(AT_FDCWD, (root / "sub").c_str(), {"user.folder", to_bytes("yes")});
    shell("setfacl -m u:daemon:rwx '" + (root / "plain.txt").native() +
          "' 2>/dev/null; setfacl -d -m g:daemon:r '" + (root / "sub").native() + "' 2>/dev/null");
    if (::geteuid() == 0) {
        EXPECT_EQ(::lchown((root / "sub" / "symlink").c_str(), 1234, 4321), 0);
        EXPECT_EQ(::chown((root / "empty").c_str(), 12, 34), 0);
        (void)::mknod((root / "device").c_str(), S_IFCHR | 0600, 0x0103);
        shell("setcap cap_net_raw+ep '" + (root / "sub" / "big").native() + "' 2>/dev/null");
    }
    timespec const times[2] = {{0, UTIME_OMIT}, {1234567890, 123456789}};
    for (auto const* name : {"plain.txt", "sub", "sub/symlink", "fifo", "sparse", "sticky", ""})
        ::utimensat(AT_FDCWD, (root / name).c_str(), times, AT_SYMLINK_NOFOLLOW);
}

class FilesTarget : public testing::Test {
protected:
    system::ScratchFolder scratch_ = *system::ScratchFolder::create();
    system::Path const from_ = scratch_.path() / "from", to_ = scratch_.path() / "to";
    system::Path const outside_ = scratch_.path() / "outside";

    void SetUp() override { std::filesystem::create_directory(from_); }
    void TearDown() override { system::set_step_hook(nullptr); }
    TargetOptions options() const { return {.folder = to_, .durable = false}; }
    std::unique_ptr<data::TreeTarget> open(TargetOptions const& options) {
        auto target = open_tree_target(files_source(from_), options);
        EXPECT_TRUE(target);
        return std::move(*target);
    }
    static Result<void> write(data::TreeTarget& target, std::string const& path,
                              std::string const& text) {
        data::MemorySource bytes(as_bytes(text));
        return target.write_file(path, given_entry("x"), bytes);
    }
    data::LogicalDigest digest(system::Path const& path) {
        auto const digest = (*open_origin(files_source(path)))->digest({});
        EXPECT_TRUE(digest);
        return *digest;
    }
};

TEST_F(FilesTarget, ReproducesATreeSoThatRsyncSeesNoDifference) {
    make_rich_tree(from_);
    TargetOptions durable = options();
    durable.durable = true;
    auto const problems = copy_tree(files_source(from_), durable);
    ASSERT_TRUE(problems) << problems.error().message();
    EXPECT_TRUE(problems->empty() || ::geteuid() != 0) << problems->front().reason;
    EXPECT_EQ(digest(from_), digest(to_));
    struct stat status{};
    ::stat((to_ / "sparse").c_str(), &status);
    EXPECT_LT(status.st_blocks, 1000);
    if (shell("command -v rsync >/dev/null") != 0) GTEST_SKIP() << "no rsync on this machine";
    EXPECT_EQ(
        output_of("rsync -aHAX --numeric-ids --checksum --dry-run --itemize-changes --delete '" +
                  from_.native() + "/' '" + to_.native() + "/' 2>&1"),
        "");
}

TEST_F(FilesTarget, WhatTheFileSystemRefusesIsNamedAndLeavesNothing) {
    auto target = open(options());
    std::string const name(300, 'n');  // no file system here takes more than 255
    data::Entry folder = given_entry("x"), link = given_entry("");
    folder.kind = data::EntryKind::folder;
    link.kind = data::EntryKind::symlink;
    link.link_target = "somewhere";
    for (auto const& done : {target->make_folder(name, folder), write(*target, name, "x"),
                             target->make_other(name, link)}) {
        ASSERT_FALSE(done);
        EXPECT_EQ(done.error().fault(), Fault::unsupported);
        EXPECT_EQ(done.error().code(), 3);
    }
    auto const problems = target->take_problems();
    ASSERT_EQ(problems.size(), 3u);
    EXPECT_EQ(problems[0].path, name);
    EXPECT_TRUE(std::filesystem::is_empty(to_));
}

TEST_F(FilesTarget, RsyncSeesNoDifferenceOverAnExistingTreeToo) {
    make_rich_tree(from_);
    ASSERT_TRUE(copy_tree(files_source(from_), options()));
    put(to_ / "plain.txt", "changed");
    std::filesystem::remove(to_ / "sub" / "big");
    std::filesystem::create_symlink("/etc/passwd", to_ / "sub" / "big");
    std::filesystem::remove_all(to_ / "sticky");
    put(to_ / "sticky", "a file where a folder belongs");
    ::chmod(to_.c_str(), 0700);
    TargetOptions over = options();
    over.overwrite = true;
    auto const problems = copy_tree(files_source(from_), over);
    ASSERT_TRUE(problems) << problems.error().message();
    EXPECT_EQ(digest(from_), digest(to_));
    EXPECT_EQ(output_of("find '" + to_.native() + "' -name '.perdure-*'"), "");
}

TEST_F(FilesTarget, DigestTellsEveryDifferenceThatARestoreMustNotMake) {
    make_rich_tree(from_);
    ASSERT_TRUE(copy_tree(files_source(from_), options()));
    auto const before = digest(to_);
    std::string const changes[] = {
        "printf hellO > plain.txt; touch -r sub plain.txt",
        "chmod 600 empty",
        "touch -d @1000.5 empty",
        "ln -sfn other sub/symlink",
        "rm 'sub/a link'; cp -a linked 'sub/a link'",
        "mv empty leer",
        "mkdir new",
        "printf x | dd of=sparse bs=1 seek=5000000 conv=notrunc 2>/dev/null; touch -r sub sparse",
    };
    for (std::string const& change : changes) {
        shell("rm -rf '" + to_.native() + "'");
        ASSERT_TRUE(copy_tree(files_source(from_), options()));
        ASSERT_EQ(digest(to_), before);
        shell("cd '" + to_.native() + "' && " + change + "; touch -r '" + from_.native() +
              "' .; touch -r '" + (from_ / "sub").native() + "' sub");
        EXPECT_NE(digest(to_), before) << change;
    }
}

TEST_F(FilesTarget, DigestDoesNotTellAHoleFromZeros) {
    put(from_ / "f", "");
    std::filesystem::resize_file(from_ / "f", 300000);
    std::filesystem::create_directory(to_);
    put(to_ / "f", std::string(300000, '\0'));
    for (auto const& path : {to_ / "f", to_})
        shell("touch -r '" + (from_ / "f").native() + "' '" + path.native() + "' '" +
              from_.native() + "'");
    shell("chmod --reference='" + from_.native() + "' '" + to_.native() + "'");
    EXPECT_EQ(digest(from_), digest(to_));
}

TEST_F(FilesTarget, RefusesNamesThatLeadElsewhere) {
    auto const target = open(options());
    for (std::string const& path :
         {std::string("../evil"), std::string("/etc/evil"), std::string("a/../../evil"),
          std::string("./evil"), std::string("a//evil"), std::string("evil/"), std::string(".."),
          std::string("nul\0l", 5)}) {
        EXPECT_FALSE(write(*target, path, "x")) << path;
        EXPECT_FALSE(target->make_folder(path, given_entry("x", EntryKind::folder))) << path;
        EXPECT_FALSE(target->finish_folder(path, given_entry("x", EntryKind::folder))) << path;
        data::Entry link = given_entry("x", EntryKind::symlink);
        link.link_target = "y";
        EXPECT_FALSE(target->make_other(path, link)) << path;
        data::Entry hard = given_entry("x");
        hard.same_as = path;
        EXPECT_FALSE(target->make_other("hard", hard)) << path;
    }
    EXPECT_TRUE(std::filesystem::is_empty(to_));
    EXPECT_FALSE(std::filesystem::exists(scratch_.path() / "evil"));
}

TEST_F(FilesTarget, WritesThroughNoPlantedLink) {
    put(outside_ / "victim", "precious");
    TargetOptions over = options();
    over.overwrite = true;
    auto const target = open(over);
    std::filesystem::create_directory_symlink(outside_, to_ / "folder");
    EXPECT_FALSE(write(*target, "folder/new", "x"));
    EXPECT_FALSE(target->finish_folder("folder", given_entry("folder", EntryKind::folder)));
    data::Entry hard = given_entry("x");
    hard.same_as = "folder/victim";
    EXPECT_FALSE(target->make_other("hard", hard));
    std::filesystem::create_symlink(outside_ / "victim", to_ / "link");
    EXPECT_TRUE(write(*target, "link", "replaced"));  // the link itself is replaced
    std::filesystem::create_hard_link(outside_ / "victim", to_ / "twin");
    EXPECT_TRUE(write(*target, "twin", "replaced"));  // the name is replaced, not the inode
    EXPECT_EQ(get(outside_ / "victim"), "precious");
    EXPECT_EQ(get(to_ / "twin"), "replaced");
    EXPECT_TRUE(std::filesystem::is_regular_file(std::filesystem::symlink_status(to_ / "link")));
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(outside_), {}), 1);
    // A folder of the snapshot takes the planted link's place.
    EXPECT_TRUE(target->make_folder("folder", given_entry("folder", EntryKind::folder)));
    EXPECT_TRUE(write(*target, "folder/new", "x"));
    EXPECT_FALSE(std::filesystem::exists(outside_ / "new"));
}

TEST_F(FilesTarget, IsNoLinkThatLeadsAway) {
    put(outside_ / "victim", "precious");
    std::filesystem::create_directory_symlink(outside_, to_);
    TargetOptions over = options();
    over.overwrite = true;
    auto const target = open_tree_target(files_source(from_), over);
    ASSERT_FALSE(target);
    EXPECT_EQ(target.error().fault(), Fault::conflict);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(outside_), {}), 1);
}

TEST_F(FilesTarget, GivesAttributesToWhatIsReadOnlyAsAnOrdinaryUserToo) {
    put(from_ / "probe", "");
    if (write_xattr(AT_FDCWD, (from_ / "probe").c_str(), {"user.mime", to_bytes("x")}) != 0)
        GTEST_SKIP() << "no user attributes on this file system";
    ::chmod(scratch_.path().c_str(), 0777);
    pid_t const child = ::fork();
    if (child == 0) {
        if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) ::_exit(99);
        auto target = open_tree_target(files_source(from_), {.folder = to_, .durable = false});
        if (!target) ::_exit(1);
        data::Entry entry = given_entry("x");
        entry.uid = ::geteuid();
        entry.gid = ::getegid();
        entry.mode = 0444;
        entry.xattrs = {{"user.mime", to_bytes("text/plain")}};
        data::MemorySource bytes(as_bytes("x"));
        if (!(*target)->write_file("x", entry, bytes)) ::_exit(2);
        if (!(*target)->take_problems().empty()) ::_exit(3);
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_EQ(WEXITSTATUS(status), 0);
    std::vector<data::Xattr> present;
    read_xattrs(AT_FDCWD, (to_ / "x").c_str(), present);
    EXPECT_EQ(present, (std::vector<data::Xattr>{{"user.mime", to_bytes("text/plain")}}));
}

TEST_F(FilesTarget, WritesNothingOutsideWhileItsFoldersAreSwappedForLinks) {
    std::filesystem::create_directory(outside_);
    TargetOptions over = options();
    over.overwrite = true;
    auto const target = open(over);
    ASSERT_TRUE(target->make_folder("f", given_entry("f", EntryKind::folder)));
    std::atomic<bool> over_now = false;
    std::jthread const attacker([&] {
        while (!over_now) {
            std::error_code ignored;
            std::filesystem::rename(to_ / "f", to_ / "g", ignored);
            std::filesystem::create_directory_symlink(outside_, to_ / "f", ignored);
            std::filesystem::remove(to_ / "f", ignored);
            std::filesystem::rename(to_ / "g", to_ / "f", ignored);
        }
    });
    for (int i = 0; i < 400; ++i) {
        (void)write(*target, "f/" + std::to_string(i), "x");
        (void)target->finish_folder("f", given_entry("f", EntryKind::folder));
        if (i % 70 == 0) {  // makes the target forget the folders that it keeps open
            for (int k = 0; k < 70; ++k)
                (void)target->make_folder("f/" + std::to_string(k) + "/y",
                                          given_entry("y", EntryKind::folder));
        }
    }
    over_now = true;
    EXPECT_TRUE(std::filesystem::is_empty(outside_));
}

TEST_F(FilesTarget, FailsWithConflictOnWhatExists) {
    put(to_ / "file", "old");
    std::filesystem::create_directory(to_ / "folder");
    auto const target = open(options());
    data::Entry link = given_entry("x", EntryKind::symlink);
    link.link_target = "y";
    EXPECT_EQ(write(*target, "file", "new").error().fault(), Fault::conflict);
    EXPECT_EQ(write(*target, "folder", "new").error().fault(), Fault::conflict);
    EXPECT_EQ(target->make_other("file", link).error().fault(), Fault::conflict);
    EXPECT_EQ(target->make_folder("folder", given_entry("f", EntryKind::folder)).error().fault(),
              Fault::conflict);
    EXPECT_EQ(get(to_ / "file"), "old");
    EXPECT_EQ(output_of("ls -A '" + to_.native() + "'"), "file\nfolder\n");
    TargetOptions over = options();
    over.overwrite = true;
    // With overwrite it costs this entry, not the restore, and what lies in the folder stays.
    auto const refused = write(*open(over), "folder", "new");
    EXPECT_EQ(refused.error().fault(), Fault::unsupported);
    EXPECT_EQ(refused.error().code(), 3);
    EXPECT_TRUE(std::filesystem::is_directory(to_ / "folder"));
}

TEST_F(FilesTarget, LeavesNothingHalfWrittenWhenTheDiskIsFull) {
    for (int allowed = 0; allowed < 4; ++allowed) {
        shell("rm -rf '" + to_.native() + "'");
        auto const target = open(options());
        int left = allowed;
        system::set_step_hook([&](system::Step, std::string_view) -> Result<void> {
            if (left-- > 0) return {};
            return fail(Fault::exhausted, "no space left on the disk");
        });
        auto const written = write(*target, "file", std::string(300000, 'x'));
        system::set_step_hook(nullptr);
        ASSERT_FALSE(written);
        EXPECT_EQ(written.error().fault(), Fault::exhausted);
        EXPECT_TRUE(std::filesystem::is_empty(to_)) << allowed;
    }
}

TEST_F(FilesTarget, RefusesExtentsThatLie) {
    auto const target = open(options());
    data::Entry entry = given_entry("x");
    entry.sparse = true;
    entry.size = 100;
    std::vector<std::vector<data::Extent>> const lies = {
        {{0, 101}}, {{90, 20}}, {{50, 10}, {40, 10}}, {{0, 0}}, {{1, UINT64_MAX}},
        {{200, 1}}, {{0, 50}}};
    for (auto const& extents : lies) {
        entry.extents = extents;
        data::MemorySource bytes(as_bytes("0123456789"));
        EXPECT_EQ(target->write_file("f", entry, bytes).error().fault(), Fault::corrupt);
    }
    entry.extents = {{0, 5}};
    data::MemorySource more(as_bytes("0123456789"));
    EXPECT_EQ(target->write_file("f", entry, more).error().fault(), Fault::corrupt);
    entry.size = UINT64_MAX;
    data::MemorySource few(as_bytes("01234"));
    EXPECT_FALSE(target->write_file("f", entry, few));
    EXPECT_TRUE(std::filesystem::is_empty(to_));
}

TEST_F(FilesTarget, MakesNoDevicesAndNoSetuidFromForeignSnapshots) {
    TargetOptions foreign = options();
    foreign.special_files = false;
    auto const target = open(foreign);
    data::Entry device = given_entry("d", EntryKind::block_device);
    device.special = 0x0800;
    EXPECT_TRUE(target->make_other("d", device));
    data::Entry program = given_entry("p");
    program.mode = 06755;
    data::MemorySource bytes(as_bytes("#!"));
    EXPECT_TRUE(target->write_file("p", program, bytes));
    struct stat status{};
    EXPECT_NE(::lstat((to_ / "d").c_str(), &status), 0);
    ASSERT_EQ(::lstat((to_ / "p").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0755u);
    auto const problems = target->take_problems();
    EXPECT_EQ(problems.size(), 2u);
}

TEST_F(FilesTarget, ReportsOnceWhatItMayNotDoAndGoesOn) {
    ::chmod(scratch_.path().c_str(), 0777);
    pid_t const child = ::fork();
    if (child == 0) {
        if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) ::_exit(99);
        auto target = open_tree_target(files_source(from_), {.folder = to_, .durable = false});
        if (!target) ::_exit(1);
        for (int i = 0; i < 5; ++i) {
            data::Entry entry = given_entry("x");
            entry.uid = 4242;
            entry.mode = 04755;
            data::MemorySource bytes(as_bytes("x"));
            if (!(*target)->write_file(std::to_string(i), entry, bytes)) ::_exit(2);
        }
        auto const problems = (*target)->take_problems();
        if (problems.size() != 2) ::_exit(3);  // the owner; the setuid bit that must not stay then
        if (problems[0].reason.find("4 more") == std::string::npos) ::_exit(4);
        struct stat status{};
        if (::stat((to_ / "0").c_str(), &status) != 0 || (status.st_mode & 06000) != 0) ::_exit(5);
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(FilesTarget, RestoresLockingFlagsAfterEverythingElse) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    put(from_ / "log", "append only");
    put(from_ / "locked" / "inside", "x");
    std::filesystem::create_hard_link(from_ / "log", from_ / "log2");
    shell("chattr +a '" + (from_ / "log").native() + "' && chattr +i '" +
          (from_ / "locked").native() + "'");
    Listed const listed = *list_source(files_source(from_));
    if (listed.items.at("log").entry.flags == 0) GTEST_SKIP() << "no file flags here";
    auto kept = options();
    kept.durable = true;
    auto const problems = copy_tree(files_source(from_), kept);
    EXPECT_TRUE(problems) << problems.error().message();
    Listed const copied = *list_source(files_source(to_));
    EXPECT_EQ(copied.items.at("log").entry.flags & 0x20, 0x20u);
    EXPECT_EQ(copied.items.at("locked").entry.flags & 0x10, 0x10u);
    EXPECT_TRUE(copied.items.contains("locked/inside"));
    shell("chattr -R -ai '" + scratch_.path().native() + "'");
}

TEST_F(FilesTarget, TheRootKeepsItsLockAndACopyThatIsThrownAwayHasNone) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    put(from_ / "folder" / "inside", "x");
    shell("chattr +i '" + (from_ / "folder").native() + "' '" + from_.native() + "'");
    Listed const listed = *list_source(files_source(from_));
    bool const supported = listed.items.at("").entry.flags != 0;
    EXPECT_TRUE(copy_tree(files_source(from_), options()));
    EXPECT_TRUE(system::remove_tree(to_)) << "a drill would leave its copy behind";
    auto kept = options();
    kept.durable = true;
    EXPECT_TRUE(copy_tree(files_source(from_), kept));
    auto const flags = list_source(files_source(to_))->items.at("").entry.flags;
    shell("chattr -R -i '" + scratch_.path().native() + "'");
    if (!supported) GTEST_SKIP() << "no file flags here";
    EXPECT_EQ(flags & 0x10, 0x10u);
}

TEST_F(FilesTarget, TakesFilesFromManyThreads) {
    auto const target = open(options());
    for (int i = 0; i < 100; ++i)
        ASSERT_TRUE(target->make_folder(std::to_string(i), given_entry("f", EntryKind::folder)));
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&, t] {
                for (int i = 0; i < 100; ++i)
                    EXPECT_TRUE(write(*target, std::to_string(i) + "/" + std::to_string(t), "x"));
            });
    }
    EXPECT_EQ(output_of("find '" + to_.native() + "' -type f | wc -l"), "400\n");
}

TEST_F(FilesTarget, ALongFileIsWholeThoughItBypassesTheCache) {
    std::string text((std::size_t{16} << 20) + 4099, '\0');
    for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * i >> 9);
    put(from_ / "long", text);
    TargetOptions durable = options();
    durable.durable = true;
    auto const problems = copy_tree(files_source(from_), durable);
    ASSERT_TRUE(problems) << problems.error().message();
    EXPECT_EQ(digest(from_), digest(to_));
    EXPECT_EQ(shell("cmp -s '" + (from_ / "long").native() + "' '" + (to_ / "long").native() + "'"),
              0);
}

}  // namespace
}  // namespace perdure::origin
