#include "system/file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "system/step.h"

namespace perdure::system {
namespace {

class FileTest : public testing::Test {
protected:
    void SetUp() override {
        auto made = ScratchFolder::create();
        ASSERT_TRUE(made);
        scratch_.emplace(std::move(*made));
    }
    void TearDown() override { set_step_hook(nullptr); }
    Path at(std::string_view name) const { return scratch_->path() / name; }
    std::string text_of(Path const& path) {
        auto const bytes = read_file(path, 1 << 20);
        return bytes ? to_string(*bytes) : "error: " + bytes.error().message();
    }
    std::vector<std::string> names() const {
        std::vector<std::string> found;
        for (auto const& entry : std::filesystem::directory_iterator(scratch_->path()))
            found.push_back(entry.path().filename());
        return found;
    }
    std::optional<ScratchFolder> scratch_;
};

TEST_F(FileTest, WrittenBytesAreReadBack) {
    ASSERT_TRUE(write_file(at("a"), as_bytes("hello")));
    EXPECT_EQ(text_of(at("a")), "hello");
    EXPECT_THAT(names(), testing::ElementsAre("a"));
}

TEST_F(FileTest, ReplaceFalseFailsWithConflictAndKeepsTheOldBytes) {
    ASSERT_TRUE(write_file(at("a"), as_bytes("first")));
    auto const second = write_file(at("a"), as_bytes("second"), {.replace = false});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().fault(), Fault::conflict);
    EXPECT_EQ(text_of(at("a")), "first");
    EXPECT_THAT(names(), testing::ElementsAre("a"));
}

TEST_F(FileTest, ExactlyOneOfManyExclusiveWritersWins) {
    for (int round = 0; round < 20; ++round) {
        Path const path = at("race" + std::to_string(round));
        std::atomic<int> winners{0}, winner{-1};
        std::vector<std::jthread> writers;
        for (int number = 0; number < 8; ++number) {
            writers.emplace_back([&, number] {
                if (write_file(path, as_bytes(std::to_string(number)),
                               {.replace = false, .durable = false})) {
                    ++winners;
                    winner = number;
                }
            });
        }
        writers.clear();
        EXPECT_EQ(winners, 1);
        EXPECT_EQ(text_of(path), std::to_string(winner));
    }
}

TEST_F(FileTest, ADurableWriteSyncsTheFileBeforeTheRenameAndTheFolderAfter) {
    // kopia #5292: a file renamed into place without fsync is empty after a power cut
    std::vector<Step> steps;
    set_step_hook([&](Step step, std::string_view) {
        steps.push_back(step);
        return Result<void>();
    });
    ASSERT_TRUE(write_file(at("a"), as_bytes("x")));
    set_step_hook(nullptr);
    EXPECT_THAT(steps, testing::ElementsAre(Step::create, Step::write, Step::sync, Step::rename,
                                            Step::sync_folder));
}

TEST_F(FileTest, AFailureAtAnyStepLeavesTheOldBytesOrTheNew) {
    for (unsigned failing = 1; failing <= 5; ++failing) {
        ASSERT_TRUE(write_file(at("a"), as_bytes("old")));
        unsigned made = 0;
        set_step_hook([&](Step, std::string_view) -> Result<void> {
            if (++made == failing) return fail(Fault::exhausted, "full");
            return {};
        });
        auto const result = write_file(at("a"), as_bytes("new"));
        set_step_hook(nullptr);
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().fault(), Fault::exhausted);
        EXPECT_EQ(text_of(at("a")), failing == 5 ? "new" : "old");
        EXPECT_THAT(names(), testing::ElementsAre("a"));
    }
}

TEST_F(FileTest, RenameStepsNameBothPaths) {
    ASSERT_TRUE(write_file(at("a"), as_bytes("x")));
    std::string seen;
    set_step_hook([&](Step, std::string_view path) {
        seen = path;
        return Result<void>();
    });
    ASSERT_TRUE(system::rename(at("a"), at("b")));
    set_step_hook(nullptr);
    EXPECT_EQ(seen, at("a").native() + std::string(1, '\0') + at("b").native());
}

TEST_F(FileTest, AFileLargerThanTheLimitIsExhausted) {
    ASSERT_TRUE(write_file(at("a"), as_bytes("12345")));
    EXPECT_TRUE(read_file(at("a"), 5));
    auto const result = read_file(at("a"), 4);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().fault(), Fault::exhausted);
}

TEST_F(FileTest, FilesWithoutASizeAreReadWhole) {
    auto const status = read_file("/proc/self/status", 1 << 20);
    ASSERT_TRUE(status);
    EXPECT_THAT(to_string(*status), testing::StartsWith("Name:"));
    EXPECT_FALSE(read_file("/proc/self/status", 100));
}

TEST_F(FileTest, ReadAtReturnsFewerBytesOnlyAtTheEnd) {
    ASSERT_TRUE(write_file(at("a"), as_bytes("0123456789")));
    auto file = File::open_to_read(at("a"));
    ASSERT_TRUE(file);
    Bytes buffer(4);
    EXPECT_EQ(file->read_at(buffer, 3).value(), 4u);
    EXPECT_EQ(to_string(buffer), "3456");
    EXPECT_EQ(file->read_at(buffer, 8).value(), 2u);
    EXPECT_EQ(file->read_at(buffer, 10).value(), 0u);
    EXPECT_EQ(file->size_bytes().value(), 10u);
}

TEST_F(FileTest, WriteAtChangesOnlyItsRange) {
    auto file = File::create(at("a"));
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->write(as_bytes("0123456789")));
    ASSERT_TRUE(file->write_at(as_bytes("AB"), 4));
    ASSERT_TRUE(file->sync());
    ASSERT_TRUE(file->close());
    EXPECT_FALSE(file->is_open());
    EXPECT_EQ(text_of(at("a")), "0123AB6789");
}

TEST_F(FileTest, CreateOfAnExistingFileIsAConflict) {
    ASSERT_TRUE(write_file(at("a"), as_bytes("x")));
    auto const second = File::create(at("a"));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().fault(), Fault::conflict);
}

TEST_F(FileTest, FilesAreBornPrivate) {
    ASSERT_TRUE(write_file(at("a"), as_bytes("x")));
    struct stat status{};
    ASSERT_EQ(::stat(at("a").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(FileTest, FoldersAreMadeWithTheirParentsAndRemovedWithTheirContents) {
    ASSERT_TRUE(make_folders(at("a/b/c")));
    ASSERT_TRUE(make_folders(at("a/b/c")));
    ASSERT_TRUE(write_file(at("a/b/c/file"), as_bytes("x")));
    ASSERT_EQ(::symlink("/", at("a/b/link").c_str()), 0);
    ASSERT_TRUE(remove_tree(at("a")));
    EXPECT_FALSE(system::exists(at("a")));
    EXPECT_TRUE(remove_tree(at("a")));
    EXPECT_TRUE(system::exists("/etc"));
}

TEST_F(FileTest, AFolderWithMoreNamesThanAreHeldAtOnceIsRemoved) {
    ASSERT_TRUE(make_folders(at("wide") / "folder"));
    ASSERT_TRUE(write_file(at("wide") / "folder" / "file", {}));
    Path const first = at("wide") / "0";
    ASSERT_TRUE(write_file(first, {}));
    for (int i = 1; i < 33'000; ++i)
        ASSERT_EQ(::link(first.c_str(), (at("wide") / std::to_string(i)).c_str()), 0);
    EXPECT_TRUE(remove_tree(at("wide")));
    EXPECT_FALSE(system::exists(at("wide")));
}

TEST_F(FileTest, ATreeDeeperThanAnyPathIsRemoved) {
    ASSERT_TRUE(make_folders(at("deep")));
    int folder = ::open(at("deep").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    std::string const name(60, 'n');
    for (int level = 0; level < 400; ++level) {
        ASSERT_EQ(::mkdirat(folder, name.c_str(), 0700), 0);
        if (level % 50 == 0) {
            int const file = ::openat(folder, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
            ASSERT_GE(file, 0);
            ::close(file);
            ASSERT_EQ(::symlinkat("/etc", folder, "link"), 0);
        }
        int const below = ::openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ASSERT_GE(below, 0);
        ::close(folder);
        folder = below;
    }
    ::close(folder);
    auto const removed = remove_tree(at("deep"));
    EXPECT_TRUE(removed) << removed.error().message();
    EXPECT_FALSE(system::exists(at("deep")));
    EXPECT_TRUE(system::exists(Path("/etc")));
}

TEST_F(FileTest, AFileInTheWayOfAFolderIsAConflict) {
    ASSERT_TRUE(write_file(at("a"), as_bytes("x")));
    auto const made = make_folders(at("a/b"));
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().fault(), Fault::conflict);
}

TEST_F(FileTest, AScratchFolderDisappearsWithItsContents) {
    Path path;
    {
        auto folder = ScratchFolder::create(scratch_->path());
        ASSERT_TRUE(folder);
        path = folder->path();
        ASSERT_TRUE(write_file(path / "x", as_bytes("x")));
        ScratchFolder const moved = std::move(*folder);
        EXPECT_TRUE(system::exists(path / "x"));
    }
    EXPECT_FALSE(system::exists(path));
}

/// What a process that made a scratch folder in `parent` leaves when SIGKILL ends it.
Path left_by_a_killed_process(Path const& parent) {
    int ends[2];
    if (::pipe(ends) != 0) return {};
    pid_t const child = ::fork();
    if (child == 0) {
        auto folder = ScratchFolder::create(parent);
        if (!folder || !write_file(folder->path() / "secret", as_bytes("plain"))) ::_exit(1);
        std::string const name = folder->path().native();
        if (::write(ends[1], name.data(), name.size()) < 0) ::_exit(1);
        ::close(ends[1]);
        for (;;) ::pause();
    }
    ::close(ends[1]);
    char name[4096];
    ssize_t const got = ::read(ends[0], name, sizeof name);
    ::close(ends[0]);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    return got > 0 ? Path(std::string(name, static_cast<std::size_t>(got))) : Path();
}

TEST_F(FileTest, AScratchFolderOfTheDeadGoesAndEverythingElseStays) {
    Path const dead = left_by_a_killed_process(scratch_->path());
    ASSERT_TRUE(system::exists(dead / "secret"));
    Path const above = scratch_->path() / "other";
    ASSERT_TRUE(make_folders(above));
    Path const linked = scratch_->path() / ("perdure-scratch-" + std::string(16, 'a'));
    std::filesystem::create_directory_symlink(above, linked);
    ASSERT_TRUE(write_file(above / "mine", as_bytes("x")));
    Path const open_to_others = scratch_->path() / ("perdure-scratch-" + std::string(16, 'b'));
    ASSERT_TRUE(make_folders(open_to_others, 0755));
    std::filesystem::permissions(open_to_others, std::filesystem::perms(0755));
    Path const of_another_name = scratch_->path() / "perdure-scratch-notes";
    ASSERT_TRUE(make_folders(of_another_name));
    Path const a_file = scratch_->path() / ("perdure-scratch-" + std::string(16, 'c'));
    ASSERT_TRUE(write_file(a_file, as_bytes("x")));
    Path const of_another_user = scratch_->path() / ("perdure-scratch-" + std::string(16, 'd'));
    ASSERT_TRUE(make_folders(of_another_user));
    bool const is_root = ::geteuid() == 0;
    if (is_root) {
        ASSERT_EQ(::chown(of_another_user.c_str(), 12345, 12345), 0);
    }

    auto const mine = ScratchFolder::create(scratch_->path());
    ASSERT_TRUE(mine);
    EXPECT_FALSE(system::exists(dead)) << "decrypted data of a killed run stays";
    EXPECT_TRUE(system::exists(linked)) << "a link was taken for a folder";
    EXPECT_TRUE(system::exists(above / "mine")) << "a link was followed";
    EXPECT_TRUE(system::exists(open_to_others));
    EXPECT_TRUE(system::exists(of_another_name));
    EXPECT_TRUE(system::exists(a_file));
    EXPECT_EQ(system::exists(of_another_user), is_root);  // ours would be a dead one's
    // A process that comes later takes nothing of ours, who live.
    (void)left_by_a_killed_process(scratch_->path());
    EXPECT_TRUE(system::exists(mine->path()));
}

TEST_F(FileTest, MissingFilesAreNotFound) {
    EXPECT_EQ(read_file(at("no"), 10).error().fault(), Fault::not_found);
    EXPECT_EQ(remove_file(at("no")).error().fault(), Fault::not_found);
    EXPECT_EQ(system::rename(at("no"), at("a")).error().fault(), Fault::not_found);
    EXPECT_EQ(sync_folder(at("no")).error().fault(), Fault::not_found);
    EXPECT_EQ(free_bytes(at("no")).error().fault(), Fault::not_found);
    EXPECT_GT(free_bytes(at("")).value(), 0u);
}

TEST(ErrnoTest, TellsTheCallerWhatToDoNext) {
    EXPECT_EQ(error_from_errno(ENOSPC, "w").fault(), Fault::exhausted);
    EXPECT_EQ(error_from_errno(EDQUOT, "w").fault(), Fault::exhausted);
    EXPECT_EQ(error_from_errno(EROFS, "w").fault(), Fault::denied);
    EXPECT_EQ(error_from_errno(EIO, "w").fault(), Fault::corrupt);
    EXPECT_EQ(error_from_errno(ESTALE, "w").fault(), Fault::unavailable);
    EXPECT_EQ(error_from_errno(ENOENT, "open x").message(), "open x: No such file or directory");
}

/// A disk that is really full, not a pretended one.
TEST(DevFullTest, WritingToAFullDeviceIsExhausted) {
    int const descriptor = ::open("/dev/full", 1);
    if (descriptor < 0) GTEST_SKIP() << "no /dev/full here";
    File file(descriptor);
    auto const result = file.write(as_bytes("x"));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().fault(), Fault::exhausted);
}

}  // namespace
}  // namespace perdure::system
