#include "job/compare_trees.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "origin/origin.h"

namespace perdure::job {
namespace {

struct Trees : testing::Test {
    system::ScratchFolder scratch = *system::ScratchFolder::create();
    system::Path live = scratch.path() / "live", copy = scratch.path() / "copy";

    void SetUp() override {
        std::filesystem::create_directory(live);
        std::filesystem::create_directory(copy);
    }
    static void write(system::Path const& path, std::string const& bytes, std::uint64_t at) {
        std::fstream out(path, std::ios::binary | std::ios::in | std::ios::out);
        out.seekp(static_cast<std::streamoff>(at));
        out << bytes;
    }
    /// A file of that size, all hole.
    static void make_sparse(system::Path const& path, std::uint64_t size) {
        std::ofstream(path, std::ios::binary).flush();
        std::filesystem::resize_file(path, size);
    }
    /// The same bytes without holes.
    static void make_dense(system::Path const& from, system::Path const& to) {
        std::ifstream in(from, std::ios::binary);
        std::ofstream out(to, std::ios::binary);
        out << in.rdbuf();
    }
    /// "path what" of each difference, but for times.
    std::string differences() {
        auto const at = std::filesystem::last_write_time(live);
        for (auto const& folder : {live, copy}) {
            for (auto const& entry : std::filesystem::directory_iterator(folder))
                std::filesystem::last_write_time(entry.path(), at);
            std::filesystem::last_write_time(folder, at);
        }
        auto const reader = [](system::Path const& path) {
            return *(*origin::open_origin({.name = "t", .type = "files", .path = path}))
                        ->open_tree({});
        };
        auto const one = reader(live), two = reader(copy);
        auto const found = compare_trees(*one, *two, {}, {});
        EXPECT_TRUE(found);
        std::string out;
        for (auto const& each : *found) out += each.path + " " + each.what + "\n";
        return out;
    }
};

TEST_F(Trees, AHoleIsAsGoodAsZeros) {
    make_sparse(live / "film", 1 << 20);
    write(live / "film", "moov", 500'000);
    make_dense(live / "film", copy / "film");
    make_sparse(live / "empty", 300'000);
    make_dense(live / "empty", copy / "empty");
    EXPECT_EQ(differences(), "");
    std::filesystem::rename(live, scratch.path() / "other");
    std::filesystem::rename(copy, live);
    std::filesystem::rename(scratch.path() / "other", copy);
    EXPECT_EQ(differences(), "");
}

TEST_F(Trees, AByteInAHoleAndDataInAnotherPlaceAreDifferences) {
    for (char const* name : {"inside", "moved", "longer"}) {
        make_sparse(live / name, 1 << 20);
        write(live / name, "moov", 500'000);
    }
    make_dense(live / "inside", copy / "inside");
    write(copy / "inside", "x", 900'000);
    make_sparse(copy / "moved", 1 << 20);
    write(copy / "moved", "moov", 800'000);
    make_sparse(copy / "longer", (1 << 20) + 1);
    write(copy / "longer", "moov", 500'000);
    EXPECT_EQ(differences(), "inside content\nlonger size\nmoved content\n");
}

/// Takes a file away as soon as its name was told.
class Vanishing final : public data::TreeReader {
public:
    Vanishing(std::unique_ptr<data::TreeReader> reader, system::Path file)
        : reader_(std::move(reader)), file_(std::move(file)) {}
    Result<std::optional<data::TreeItem>> next(std::stop_token stop) override {
        auto item = reader_->next(std::move(stop));
        if (item && *item && (*item)->entry.name == file_.filename().string())
            std::filesystem::remove(file_);
        return item;
    }
    std::vector<data::Problem> take_problems() override { return reader_->take_problems(); }

private:
    std::unique_ptr<data::TreeReader> reader_;
    system::Path file_;
};

TEST_F(Trees, WhatVanishesMeanwhileKeepsNoOtherFromBeingCompared) {
    for (auto const& folder : {live, copy}) {
        for (char const* name : {"a", "gone", "z"}) std::ofstream(folder / name) << name;
    }
    std::ofstream(copy / "z") << "y";
    EXPECT_EQ(differences(), "z content\n");
    auto const reader = [](system::Path const& path) {
        return *(*origin::open_origin({.name = "t", .type = "files", .path = path}))->open_tree({});
    };
    Vanishing one(reader(live), live / "gone");
    auto const two = reader(copy);
    auto const found = compare_trees(one, *two, {}, {});
    ASSERT_TRUE(found);
    ASSERT_EQ(found->size(), 2u);
    EXPECT_EQ(found->at(0).path, "gone");
    EXPECT_TRUE(found->at(0).unreadable);
    EXPECT_EQ(found->at(1).path, "z");
    EXPECT_FALSE(found->at(1).unreadable);
}

TEST_F(Trees, WhatIsExcusedHidesNothingThatIsNot) {
    for (auto const& folder : {live, copy}) {
        for (int i = 0; i < 9; ++i) std::ofstream(folder / std::to_string(i)) << i;
    }
    for (int i = 0; i < 9; ++i) std::ofstream(live / std::to_string(i)) << "x";
    auto const reader = [](system::Path const& path) {
        return *(*origin::open_origin({.name = "t", .type = "files", .path = path}))->open_tree({});
    };
    auto const one = reader(live), two = reader(copy);
    std::size_t excused = 0;
    auto const all_but_the_last = [&](TreeDifference const& each) {
        excused += each.path != "8";
        return each.path != "8";
    };
    auto const found = compare_trees(*one, *two, {.max = 2, .excuses = all_but_the_last}, {});
    ASSERT_TRUE(found);
    ASSERT_EQ(found->size(), 1u);
    EXPECT_EQ(found->at(0).path, "8");
    EXPECT_GE(excused, 8u);
}

/// Folders in folders, the innermost with the mode given.
class Chain final : public data::TreeReader {
public:
    Chain(std::size_t folders, std::uint32_t mode) : folders_(folders), mode_(mode) {}
    Result<std::optional<data::TreeItem>> next(std::stop_token) override {
        std::optional<data::TreeItem> item;
        if (at_ == 2 * folders_) return item;
        item.emplace();
        item->entry.kind = data::EntryKind::folder;
        item->entry.name = at_ == 0 || at_ + 1 == 2 * folders_ ? "" : "d";
        if (at_ + 1 == folders_) item->entry.mode = mode_;
        using Step = data::TreeItem::Step;
        item->step = at_++ < folders_ ? Step::enter : Step::leave;
        return item;
    }
    std::vector<data::Problem> take_problems() override { return {}; }

private:
    std::size_t folders_, at_ = 0;
    std::uint32_t mode_;
};

TEST(DeepTrees, AreComparedToTheirBottom) {
    constexpr std::size_t folders = 20'000;
    Chain one(folders, 0755), two(folders, 0700);
    auto const found = compare_trees(one, two, {}, {});
    ASSERT_TRUE(found);
    ASSERT_EQ(found->size(), 1u);
    EXPECT_EQ(found->at(0).what, "mode");
    EXPECT_EQ(found->at(0).path.size(), 2 * (folders - 1) - 1);
}

}  // namespace
}  // namespace perdure::job
