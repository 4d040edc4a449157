#include <atomic>
#include <functional>
#include <thread>

#include "origin/git/git_reader.h"
#include "origin/git/pinned.h"
#include "origin/git/work_trees.h"
#include "origin/tree_testing.h"

namespace perdure::origin {
namespace {

class GitOrigin : public testing::Test {
protected:
    system::ScratchFolder scratch_ = *system::ScratchFolder::create();
    system::Path const work_ = scratch_.path() / "work", bare_ = scratch_.path() / "app.git",
                       copy_ = scratch_.path() / "copy";

    void SetUp() override {
        if (shell("command -v git >/dev/null") != 0) GTEST_SKIP() << "no git on this machine";
        git("init -q -b main " + quoted(work_));
        commit("first");
        git("clone -q --bare " + quoted(work_) + " " + quoted(bare_));
    }
    static std::string quoted(system::Path const& path) { return "'" + path.native() + "'"; }
    static int git(std::string const& rest) {
        return shell(
            "GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 git -c user.name=T -c "
            "user.email=t@example.org -c gc.auto=0 " +
            rest + " >/dev/null 2>&1");
    }
    void commit(std::string const& text) {
        put(work_ / "file", text);
        EXPECT_EQ(git("-C " + quoted(work_) + " add -A"), 0);
        EXPECT_EQ(git("-C " + quoted(work_) + " commit -q -m " + text), 0);
    }
    static SourceOptions source(system::Path const& path) {
        SourceOptions source = files_source(path);
        source.type = "git";
        return source;
    }
    TargetOptions to_copy() const { return {.folder = copy_, .durable = false}; }
    using Meanwhile = std::function<void(data::TreeItem const&, std::string const& path)>;
    /// Copies item by item; `meanwhile` is called in every folder, entered and before it is left.
    void copy_items(data::TreeReader& reader, Meanwhile const& meanwhile) {
        auto target = open_tree_target(files_source(copy_), to_copy());
        std::string path;
        for (;;) {
            auto item = reader.next({});
            ASSERT_TRUE(item) << item.error().message();
            if (!*item) break;
            data::TreeItem const& one = **item;
            if (one.step == data::TreeItem::Step::enter) {
                path += one.entry.name + (one.entry.name.empty() ? "" : "/");
                std::string const folder = path.substr(0, path.empty() ? 0 : path.size() - 1);
                ASSERT_TRUE((*target)->make_folder(folder, one.entry));
                meanwhile(one, path);
            } else if (one.step == data::TreeItem::Step::leave) {
                meanwhile(one, path);
                path.resize(path.empty() ? 0 : path.find_last_of('/', path.size() - 2) + 1);
            } else if (one.content) {
                auto content = one.content->open({});
                if (!content) continue;  // a log or a description that vanished
                ASSERT_TRUE((*target)->write_file(path + one.entry.name, one.entry, **content));
            }
        }
    }
};

TEST_F(GitOrigin, CopiesABareRepositoryThatPassesFsckAndClones) {
    ASSERT_TRUE((*open_origin(source(bare_)))->test({}));
    auto const copied = copy_tree(source(bare_), to_copy());
    ASSERT_TRUE(copied) << copied.error().message();
    SourceOptions const there = relocated(source(bare_), copy_);
    auto const problems = (*open_origin(there))->check({});
    ASSERT_TRUE(problems) << problems.error().message();
    EXPECT_TRUE(problems->empty()) << problems->front().reason;
    EXPECT_EQ(*(*open_origin(there))->digest({}), *(*open_origin(source(bare_)))->digest({}));
    EXPECT_EQ(git("clone -q " + quoted(copy_) + " " + quoted(scratch_.path() / "clone")), 0);
    EXPECT_EQ(get(scratch_.path() / "clone" / "file"), "first");
    EXPECT_EQ(output_of("diff -r " + quoted(bare_) + " " + quoted(copy_)), "");
}

TEST(PinnedFile, IsTheWholeOfWhatIsOpenNotAsMuchAsWasLookedAt) {
    system::ScratchFolder const scratch = *system::ScratchFolder::create();
    put(scratch.path() / "packed-refs", "one ref\n");
    Listed const listed = *list_source(files_source(scratch.path()));
    auto const root =
        std::make_shared<system::File const>(*system::File::open_to_read(scratch.path()));
    for (std::size_t const size : {std::size_t{40}, std::size_t{100'000}}) {
        std::string const packed(size, 'r');
        put(scratch.path() / "packed-refs.new", packed);  // as git pack-refs replaces it
        std::filesystem::rename(scratch.path() / "packed-refs.new", scratch.path() / "packed-refs");
        bool vanished = false;
        auto const pinned =
            pin_file(root, "packed-refs", listed.items.at("packed-refs").entry, vanished);
        ASSERT_TRUE(pinned);
        EXPECT_EQ(*read_all(**pinned), packed);
        auto source = (*pinned)->open({});
        EXPECT_EQ((*source)->entry_after_reading()->size, size);
    }
}

TEST_F(GitOrigin, CopiesARepositoryWithItsWorkTreeAndStash) {
    put(work_ / "file", "stashed");
    git("-C " + quoted(work_) + " stash");
    put(work_ / "untracked", "mine");
    ASSERT_TRUE(copy_tree(source(work_), to_copy()));
    EXPECT_EQ(get(copy_ / "untracked"), "mine");
    EXPECT_TRUE((*open_origin(source(copy_)))->check({})->empty());
    EXPECT_EQ(git("-C " + quoted(copy_) + " stash pop"), 0);
    EXPECT_EQ(get(copy_ / "file"), "stashed");
}

TEST_F(GitOrigin, CopiesAnEmptyRepository) {
    git("init -q --bare " + quoted(scratch_.path() / "empty.git"));
    auto const empty = source(scratch_.path() / "empty.git");
    ASSERT_TRUE(copy_tree(empty, to_copy()));
    auto const problems = (*open_origin(relocated(empty, copy_)))->check({});
    ASSERT_TRUE(problems);
    EXPECT_TRUE(problems->empty()) << problems->front().reason;
}

TEST_F(GitOrigin, KeepsLocksAndTemporaryObjectsOut) {
    put(bare_ / "HEAD.lock", "");
    put(bare_ / "refs" / "heads" / "main.lock", "");
    put(bare_ / "objects" / "pack" / "tmp_pack_x", "");
    put(bare_ / "objects" / "tmp_objdir-incoming-x" / "pack" / "y", "");
    put(bare_ / "gc.pid", "1 host");
    auto const listed = list_source(source(bare_));
    ASSERT_TRUE(listed);
    for (auto const& [path, item] : listed->items) {
        EXPECT_FALSE(path.ends_with(".lock") || path.find("tmp_") != std::string::npos) << path;
        EXPECT_NE(path, "gc.pid");
    }
    EXPECT_TRUE(listed->items.contains("HEAD"));
    EXPECT_TRUE(listed->items.contains("objects/pack"));
}

/// However many: a ref that is read after the objects may name one that came after them.
TEST_F(GitOrigin, AllLooseRefsAreThoseOfBeforeTheObjects) {
    constexpr int refs = 1000;
    auto const ref = [&](int number) {
        return bare_ / "refs" / "tags" / ("v" + std::to_string(number));
    };
    for (int number = 0; number < refs; ++number) put(ref(number), "before\n");
    auto reader = read_git({.folder = bare_});
    ASSERT_TRUE(reader);
    for (int number = 0; number < refs; ++number) put(ref(number), "after\n");
    std::filesystem::remove(ref(refs - 1));  // git packed it
    ASSERT_NO_FATAL_FAILURE(copy_items(**reader, [](auto const&, auto const&) {}));
    for (int number = 0; number < refs; ++number) {
        auto const path = copy_ / ref(number).lexically_relative(bare_);
        auto const copy = system::read_file(path, 100);
        ASSERT_TRUE(copy) << path;
        EXPECT_EQ(to_string(*copy), "before\n") << path;
    }
}

/// git-annex names a file by its digest and the ending that it had.
TEST_F(GitOrigin, KeepsFilesOfGitAnnexThatEndInLock) {
    auto const key = bare_ / "annex" / "objects" / "a1" / "b2" / "SHA256E-s3--ff.lock";
    put(key / "SHA256E-s3--ff.lock", "abc");
    put(bare_ / "annex" / "index.lock", "");
    auto const listed = list_source(source(bare_));
    ASSERT_TRUE(listed);
    EXPECT_TRUE(
        listed->items.contains("annex/objects/a1/b2/SHA256E-s3--ff.lock/SHA256E-s3--ff.lock"));
    EXPECT_FALSE(listed->items.contains("annex/index.lock"));
}

TEST_F(GitOrigin, CheckNamesADamagedObject) {
    std::string const object = output_of("find " + quoted(work_ / ".git/objects") +
                                         " -type f -path '*/[0-9a-f][0-9a-f]/*' | head -1");
    std::string const path = object.substr(0, object.find('\n'));
    shell("chmod u+w '" + path + "'; printf damaged > '" + path + "'");
    auto const problems = (*open_origin(source(work_)))->check({});
    ASSERT_TRUE(problems) << problems.error().message();
    EXPECT_FALSE(problems->empty());
}

TEST_F(GitOrigin, SaysWhatIsNoRepository) {
    put(scratch_.path() / "plain" / "file", "");
    EXPECT_EQ((*open_origin(source(scratch_.path() / "plain")))->test({}).error().fault(),
              Fault::invalid);
    EXPECT_EQ((*open_origin(source(scratch_.path() / "absent")))->test({}).error().fault(),
              Fault::not_found);
    git("-C " + quoted(work_) + " worktree add " + quoted(scratch_.path() / "linked"));
    auto const linked = (*open_origin(source(scratch_.path() / "linked")))->test({});
    ASSERT_FALSE(linked);
    EXPECT_NE(linked.error().message().find("linked"), std::string::npos);
}

TEST_F(GitOrigin, ReportsObjectsThatItBorrowsFromElsewhere) {
    git("clone -q --bare --shared " + quoted(work_) + " " + quoted(scratch_.path() / "borrower"));
    auto const listed = list_source(source(scratch_.path() / "borrower"));
    ASSERT_TRUE(listed);
    ASSERT_EQ(listed->problems.size(), 1u);
    EXPECT_EQ(listed->problems[0].path, "objects/info/alternates");
}

/// HEAD of a linked work tree comes after the objects in the order of names.
TEST_F(GitOrigin, WhatALinkedWorkTreeStandsOnIsReadBeforeTheObjects) {
    auto const linked = scratch_.path() / "linked";
    ASSERT_EQ(git("-C " + quoted(work_) + " worktree add --detach " + quoted(linked)), 0);
    auto reader = read_git({.folder = work_});
    ASSERT_TRUE(reader);
    auto const commit_there = [&] {
        put(linked / "file", "while it is copied");
        git("-C " + quoted(linked) + " commit -q -a -m meanwhile");
    };
    bool committed = false;
    ASSERT_NO_FATAL_FAILURE(
        copy_items(**reader, [&](data::TreeItem const& item, std::string const& path) {
            if (item.step != data::TreeItem::Step::leave || path != ".git/objects/") return;
            commit_there();
            committed = true;
        }));
    ASSERT_TRUE(committed);
    auto const problems = (*open_origin(source(copy_)))->check({});
    ASSERT_TRUE(problems);
    EXPECT_TRUE(problems->empty()) << problems->front().reason;
}

/// A submodule's refs come after its objects in the order of names.
TEST_F(GitOrigin, WhatSubmodulesStandOnIsReadBeforeTheirObjects) {
    auto const outer = scratch_.path() / "outer";
    git("init -q " + quoted(outer));
    ASSERT_EQ(git("-c protocol.file.allow=always -C " + quoted(outer) + " submodule add -q " +
                  quoted(work_) + " lib/sub"),
              0);
    auto reader = read_git({.folder = outer});
    ASSERT_TRUE(reader);
    bool committed = false;
    ASSERT_NO_FATAL_FAILURE(
        copy_items(**reader, [&](data::TreeItem const& item, std::string const& path) {
            if (item.step != data::TreeItem::Step::leave) return;
            if (path != ".git/modules/lib/sub/objects/") return;
            put(outer / "lib/sub/file", "while it is copied");
            committed = git("-C " + quoted(outer / "lib/sub") + " commit -q -a -m meanwhile") == 0;
        }));
    ASSERT_TRUE(committed);
    std::string const copied = quoted(copy_ / ".git/modules/lib/sub");
    EXPECT_EQ(git("--git-dir " + copied + " fsck --full --strict"), 0);
    EXPECT_EQ(git("--git-dir " + copied + " cat-file -e main"), 0);
}

TEST_F(GitOrigin, WorkTreesThatLieElsewhereAreFound) {
    using Paths = std::vector<system::Path>;
    auto const real = [](system::Path const& path) { return std::filesystem::canonical(path); };
    EXPECT_EQ(work_trees_outside(work_), Paths());
    EXPECT_EQ(work_trees_outside(work_ / ".git"), Paths{real(work_)});
    EXPECT_EQ(work_trees_outside(bare_), Paths());
    EXPECT_EQ(work_trees_outside(scratch_.path() / "absent"), Paths());
    auto const linked = scratch_.path() / "linked";
    git("-C " + quoted(work_) + " worktree add " + quoted(linked));
    git("-C " + quoted(work_) + " worktree add " + quoted(work_ / "inside"));
    EXPECT_EQ(work_trees_outside(work_), Paths{real(linked)});
    EXPECT_EQ(repository_of_work_tree(linked), real(work_ / ".git"));
    EXPECT_EQ(repository_of_work_tree(work_), std::nullopt);
    std::filesystem::remove_all(linked);
    EXPECT_EQ(work_trees_outside(work_), Paths());
    // As git keeps a submodule: its repository names the work tree.
    auto const module = scratch_.path() / "module", tree = scratch_.path() / "tree";
    put(tree / "file", "x");
    ASSERT_EQ(git("init -q --separate-git-dir " + quoted(module) + " " + quoted(tree)), 0);
    ASSERT_EQ(git("--git-dir " + quoted(module) + " config core.worktree ../tree"), 0);
    EXPECT_EQ(work_trees_outside(module), Paths{real(tree)});
    EXPECT_EQ(repository_of_work_tree(tree), real(module));
}

/// Items are taken one by one while commits, packing and pruning go on between them.
TEST_F(GitOrigin, StaysConsistentWhileOthersPushPackAndCollect) {
    int const rounds = std::getenv("PERDURE_LONG") != nullptr ? 30 : 2;
    for (int round = 0; round < rounds; ++round) {
        std::atomic<bool> over = false;
        std::jthread const pusher([&] {
            for (int i = 0; !over; ++i) {
                commit("r" + std::to_string(round) + "c" + std::to_string(i));
                git("-C " + quoted(work_) + " push -q " + quoted(bare_) + " main");
                if (i % 2 == 1) git("-C " + quoted(bare_) + " gc -q");
                if (i % 3 == 2) git("-C " + quoted(bare_) + " pack-refs --all");
            }
        });
        shell("rm -rf " + quoted(copy_));
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        auto reader = read_git({.folder = bare_});
        ASSERT_TRUE(reader);
        copy_items(**reader, [](data::TreeItem const& item, std::string const&) {
            if (item.step == data::TreeItem::Step::enter)
                std::this_thread::sleep_for(std::chrono::milliseconds(5));
        });
        over = true;
        EXPECT_TRUE((*reader)->take_problems().empty());
        auto const problems = (*open_origin(source(copy_)))->check({});
        ASSERT_TRUE(problems);
        EXPECT_TRUE(problems->empty()) << problems->front().reason;
    }
}

}  // namespace
}  // namespace perdure::origin
