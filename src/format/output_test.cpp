#include "format/output.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "format/disk_tree.h"
#include "system/durable.h"

namespace perdure::format {
namespace {

class OutputTreeTest : public testing::Test {
protected:
    void SetUp() override {
        auto made = system::ScratchFolder::create();
        ASSERT_TRUE(made);
        scratch_.emplace(std::move(*made));
        out_ = scratch_->path() / "out";
    }

    std::string read(system::Path const& path) {
        auto raw = system::read_file(path, 1 << 20);
        return raw ? to_string(*raw) : "(" + raw.error().message() + ")";
    }

    /// What lies beside and below the output, hidden things too.
    std::vector<std::string> everything() {
        std::vector<std::string> names;
        for (auto const& entry : std::filesystem::recursive_directory_iterator(scratch_->path())) {
            names.push_back(entry.path().lexically_relative(scratch_->path()).string());
        }
        std::ranges::sort(names);
        return names;
    }

    void write_file(OutputTree& tree, std::string const& name, std::string_view text) {
        auto file = tree.create(name, {});
        ASSERT_TRUE(file) << file.error().message();
        ASSERT_TRUE((*file)->write(text));
        ASSERT_TRUE((*file)->finish());
    }

    std::optional<system::ScratchFolder> scratch_;
    system::Path out_;
};

TEST_F(OutputTreeTest, AFolderAppearsWhenFinishedAndNotBefore) {
    auto tree = open_folder(out_);
    ASSERT_TRUE(tree);
    write_file(**tree, "a/b.txt", "inside");
    EXPECT_FALSE(system::exists(out_));
    ASSERT_TRUE((*tree)->finish());
    tree->reset();
    EXPECT_EQ(everything(), (std::vector<std::string>{"out", "out/a", "out/a/b.txt"}));
    EXPECT_EQ(read(out_ / "a/b.txt"), "inside");
}

TEST_F(OutputTreeTest, AnUnfinishedTreeLeavesNothing) {
    {
        auto tree = open_folder(out_);
        ASSERT_TRUE(tree);
        write_file(**tree, "a.txt", "x");
        ASSERT_TRUE((*tree)->spool("words"));
    }
    {
        auto tree = open_single_file(out_, false);
        ASSERT_TRUE(tree);
        write_file(**tree, "a.txt", "x");
    }
    EXPECT_TRUE(everything().empty());
}

TEST_F(OutputTreeTest, WhatExistsIsNotReplacedUnasked) {
    ASSERT_TRUE(system::make_folders(out_));
    EXPECT_EQ(open_single_file(out_, true).error().fault(), Fault::conflict);
    ASSERT_TRUE(system::write_file(out_ / "theirs", as_bytes("x")));
    EXPECT_EQ(open_folder(out_).error().fault(), Fault::conflict);
    auto const file = scratch_->path() / "file";
    ASSERT_TRUE(system::write_file(file, as_bytes("x")));
    EXPECT_EQ(open_single_file(file, false).error().fault(), Fault::conflict);
    EXPECT_TRUE(open_single_file(file, true));
}

TEST_F(OutputTreeTest, AFileThatAppearsMeanwhileIsNotReplaced) {
    auto tree = open_single_file(out_, false);
    ASSERT_TRUE(tree);
    write_file(**tree, "records.json", "ours");
    ASSERT_TRUE(system::write_file(out_, as_bytes("theirs")));
    EXPECT_EQ((*tree)->finish().error().fault(), Fault::conflict);
    EXPECT_EQ(read(out_), "theirs");
}

TEST_F(OutputTreeTest, NamesThatCouldLeaveAreRefused) {
    auto tree = open_folder(out_);
    ASSERT_TRUE(tree);
    for (std::string const name : {"", "/etc/passwd", "../up", "a/../../b", "a//b", ".", "a/."}) {
        EXPECT_EQ((*tree)->create(name, {}).error().fault(), Fault::invalid) << name;
        EXPECT_EQ((*tree)->spool(name).error().fault(), Fault::invalid) << name;
    }
    EXPECT_EQ((*tree)->create(std::string("a\0b", 3), {}).error().fault(), Fault::invalid);
    write_file(**tree, "twice", "x");
    EXPECT_EQ((*tree)->create("twice", {}).error().fault(), Fault::conflict);
}

TEST_F(OutputTreeTest, AFolderGoesOnWhereItsCheckpointWas) {
    Bytes state;
    {
        auto tree = open_folder(out_);
        ASSERT_TRUE(tree);
        write_file(**tree, "done.txt", "done");
        auto open = (*tree)->create("deep/open.txt", {.modified = {1'000'000, 0}});
        ASSERT_TRUE(open);
        ASSERT_TRUE((*open)->write(std::string_view("first ")));
        auto spool = (*tree)->spool("words");
        ASSERT_TRUE(spool);
        ASSERT_TRUE((*spool)->append(std::string_view("one ")));
        auto made = (*tree)->checkpoint();
        ASSERT_TRUE(made);
        state = std::move(*made);
        ASSERT_TRUE((*open)->write(std::string(600'000, 'x')));
        ASSERT_TRUE((*spool)->append(std::string_view("lost")));
        ASSERT_TRUE((*open)->finish());
        write_file(**tree, "later.txt", "later");
        ASSERT_TRUE((*tree)->spool("later"));
    }
    EXPECT_FALSE(system::exists(out_));
    auto tree = resume_folder(out_, state);
    ASSERT_TRUE(tree) << tree.error().message();
    auto open = (*tree)->reopen("deep/open.txt");
    ASSERT_TRUE(open) << open.error().message();
    ASSERT_TRUE((*open)->write(std::string_view("second")));
    ASSERT_TRUE((*open)->finish());
    EXPECT_EQ((*tree)->reopen("done.txt").error().fault(), Fault::corrupt);
    auto spool = (*tree)->spool("words");
    ASSERT_TRUE(spool);
    EXPECT_EQ((*spool)->size_bytes(), 4u);
    ASSERT_TRUE((*spool)->append(std::string_view("two")));
    Bytes words(7);
    ASSERT_EQ((*spool)->read_at(words, 0), 7u);
    EXPECT_EQ(to_string(words), "one two");
    auto later = (*tree)->spool("later");
    ASSERT_TRUE(later) << later.error().message();
    EXPECT_EQ((*later)->size_bytes(), 0u);
    ASSERT_TRUE((*tree)->finish());
    tree->reset();
    EXPECT_EQ(read(out_ / "deep/open.txt"), "first second");
    EXPECT_EQ(everything(),
              (std::vector<std::string>{"out", "out/deep", "out/deep/open.txt", "out/done.txt"}));
}

TEST_F(OutputTreeTest, AFileThatIsShorterThanTheCheckpointIsNotTrusted) {
    Bytes state;
    {
        auto tree = open_single_file(out_, false);
        ASSERT_TRUE(tree);
        auto open = (*tree)->create("records.json", {});
        ASSERT_TRUE((*open)->write(std::string_view("0123456789")));
        state = *(*tree)->checkpoint();
    }
    auto const part = work_folder(out_) / "files";
    ASSERT_EQ(read(part), "0123456789");
    ASSERT_TRUE(system::open_to_go_on(part, 5));
    auto tree = resume_single_file(out_, false, state);
    ASSERT_TRUE(tree);
    EXPECT_EQ((*tree)->reopen("records.json").error().fault(), Fault::corrupt);
    for (std::size_t cut = 0; cut < state.size(); ++cut) {
        EXPECT_FALSE(resume_single_file(out_, false, ByteView(state).first(cut))) << cut;
    }
}

}  // namespace
}  // namespace perdure::format
