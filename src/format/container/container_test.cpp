#include "format/container/container.h"

#include <gtest/gtest.h>

#include <random>

#include "format/container/check.h"
#include "format/disk_tree.h"

namespace perdure::format {
namespace {

using Open = Result<std::unique_ptr<OutputTree>> (*)(OutputTree&, std::string const&,
                                                     ContainerOptions);
using Resume = Result<std::unique_ptr<OutputTree>> (*)(OutputTree&, std::string const&,
                                                       ContainerOptions, ByteView);
struct Kind {
    char const* name;
    Open open;
    Resume resume;
};

/// One thing a writer does. Entries are written one after the other.
struct Act {
    enum { create, write, finish } what;
    std::string name;
    FileOptions options;
    std::string text;
};

/// Small and large, text and noise, known and unknown sizes, names of many scripts.
std::vector<Act> acts() {
    std::mt19937 dice(7);
    std::vector<Act> out;
    for (int entry = 0; entry < 14; ++entry) {
        auto const size = std::size_t{1} << (2 * (entry % 12));
        std::string text(size, '\0');
        for (auto& c : text) {
            c = static_cast<char>(entry % 2 ? "abcdefgh \n"[dice() % 10] : dice() & 0xff);
        }
        std::string name = entry % 3 == 0 ? "plain" : entry % 3 == 1 ? "日本/Ünïcödé 😀" : "";
        name += std::string(entry == 5 ? 180 : 3, 'n') + std::to_string(entry);
        FileOptions options{.modified = {1'700'000'000 + entry, 0},
                            .compressible = entry % 4 != 0,
                            .size_bytes = entry % 5 == 0 ? size : 0};
        out.push_back({Act::create, name, options, ""});
        for (std::size_t at = 0; at < size; at += 300'000) {
            out.push_back({Act::write, name, {}, text.substr(at, 300'000)});
        }
        out.push_back({Act::finish, name, {}, ""});
    }
    return out;
}

class ContainerTest : public testing::TestWithParam<Kind> {
protected:
    void SetUp() override {
        auto made = system::ScratchFolder::create();
        ASSERT_TRUE(made);
        scratch_.emplace(std::move(*made));
        out_ = scratch_->path() / "out";
    }

    Result<void> perform(Act const& act) {
        if (act.what == Act::create) {
            PD_TRY(open_, tree_->create(act.name, act.options));
            return {};
        }
        if (act.what == Act::write) return open_->write(std::string_view(act.text));
        PD_CHECK(open_->finish());
        open_.reset();
        return {};
    }

    Result<void> finish() {
        PD_CHECK(tree_->finish());
        PD_CHECK(base_->finish());
        tree_.reset();
        base_.reset();
        return {};
    }

    Result<void> begin() {
        PD_TRY(base_, open_single_file(out_, true));
        PD_TRY(tree_, GetParam().open(*base_, "whole", options_));
        return {};
    }

    /// Performs all acts, killed once before act `at` with three acts wasted.
    Result<void> perform_killed(std::vector<Act> const& all, std::size_t at) {
        PD_CHECK(begin());
        for (std::size_t i = 0; i < at; ++i) PD_CHECK(perform(all[i]));
        PD_TRY(auto const state, tree_->checkpoint());
        PD_TRY(auto const base_state, base_->checkpoint());
        for (std::size_t i = at; i < std::min(all.size(), at + 3); ++i) PD_CHECK(perform(all[i]));
        bool const was_open = at < all.size() && all[at].what != Act::create;
        open_.reset();
        tree_.reset();
        base_.reset();
        PD_TRY(base_, resume_single_file(out_, true, base_state));
        PD_TRY(tree_, GetParam().resume(*base_, "whole", options_, state));
        if (was_open) {
            PD_TRY(open_, tree_->reopen(all[at].name));
        }
        for (std::size_t i = at; i < all.size(); ++i) PD_CHECK(perform(all[i]));
        return finish();
    }

    Bytes result() {
        auto raw = system::read_file(out_, 1 << 28);
        EXPECT_TRUE(raw);
        return raw ? *raw : Bytes();
    }

    std::optional<system::ScratchFolder> scratch_;
    system::Path out_;
    ContainerOptions options_{.modified = {1'600'000'000, 0}};
    std::unique_ptr<OutputTree> base_, tree_;
    std::unique_ptr<Output> open_;
};

TEST_P(ContainerTest, AKilledOneGoesOnToTheSameBytes) {
    auto const all = acts();
    ASSERT_TRUE(begin());
    for (auto const& act : all) {
        auto done = perform(act);
        ASSERT_TRUE(done) << done.error().message();
    }
    ASSERT_TRUE(finish());
    auto const whole = result();
    ASSERT_GT(whole.size(), 1'000'000u);
    for (std::size_t at = 0; at <= all.size(); at += 13) {
        auto done = perform_killed(all, at);
        ASSERT_TRUE(done) << "killed at " << at << ": " << done.error().message();
        EXPECT_EQ(result(), whole) << "killed at " << at;
    }
}

TEST_P(ContainerTest, APieceWithoutBytesChangesNothing) {
    ASSERT_TRUE(begin());
    for (bool const compressible : {true, false}) {
        ASSERT_TRUE(
            perform({Act::create, compressible ? "a" : "b", {.compressible = compressible}, ""}));
        ASSERT_TRUE(open_->write(std::string_view("some")));
        ASSERT_TRUE(open_->write(ByteView()));
        ASSERT_TRUE(open_->write(std::string_view(" text")));
        ASSERT_TRUE(open_->write(ByteView()));
        ASSERT_TRUE(perform({Act::finish, "", {}, ""}));
    }
    ASSERT_TRUE(finish());
    auto const checked =
        std::string_view(GetParam().name) == "zip" ? check_zip(out_, {}) : check_tar_gz(out_, {});
    ASSERT_TRUE(checked) << checked.error().message();
    EXPECT_EQ(checked->files, 2u);
}

TEST_P(ContainerTest, ANameIsGivenOnceAlsoAfterAResume) {
    ASSERT_TRUE(begin());
    ASSERT_TRUE(perform({Act::create, "a", {}, ""}));
    EXPECT_EQ(tree_->create("b", {}).error().fault(), Fault::internal);
    ASSERT_TRUE(perform({Act::finish, "a", {}, ""}));
    EXPECT_EQ(tree_->create("a", {}).error().fault(), Fault::conflict);
    EXPECT_EQ(tree_->create("../a", {}).error().fault(), Fault::invalid);
    auto const state = tree_->checkpoint();
    auto const base_state = base_->checkpoint();
    ASSERT_TRUE(state && base_state);
    tree_.reset();
    base_ = std::move(*resume_single_file(out_, true, *base_state));
    tree_ = std::move(*GetParam().resume(*base_, "whole", options_, *state));
    EXPECT_EQ(tree_->create("a", {}).error().fault(), Fault::conflict);
    EXPECT_TRUE(tree_->create("b", {}));
}

TEST_P(ContainerTest, ABrokenStateIsRefused) {
    ASSERT_TRUE(begin());
    ASSERT_TRUE(perform({Act::create, "a", {}, ""}));
    ASSERT_TRUE(perform({Act::write, "a", {}, "text"}));
    auto const state = *tree_->checkpoint();
    auto const base_state = *base_->checkpoint();
    for (std::size_t cut = 0; cut < state.size(); ++cut) {
        open_.reset();
        tree_.reset();
        base_ = std::move(*resume_single_file(out_, true, base_state));
        EXPECT_FALSE(GetParam().resume(*base_, "whole", options_, ByteView(state).first(cut)));
    }
}

INSTANTIATE_TEST_SUITE_P(All, ContainerTest,
                         testing::Values(Kind{"zip", open_zip, resume_zip},
                                         Kind{"tar_gz", open_tar_gz, resume_tar_gz}),
                         [](auto const& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace perdure::format
