#pragma once

#include <filesystem>
#include <optional>

#include "origin/merge/merge_testing.h"

namespace perdure::origin::testing {

/// A database as it was and as it is now, and the wish to have it as it was.
class MergeOfTwo : public ::testing::Test {
protected:
    void SetUp() override {
        auto folder = system::ScratchFolder::create("");
        ASSERT_TRUE(folder);
        folder_.emplace(std::move(*folder));
        before_ = folder_->path() / "before.db";
        live_ = folder_->path() / "live.db";
    }
    void both(std::string const& sql) {
        static_cast<void>(open_for_writing(before_));
        run_sql(before_, sql);
        std::filesystem::copy_file(before_, live_);
    }
    MergeRequest request(std::vector<std::string> const& selectors = {}) {
        MergeRequest request;
        request.target = {.name = "app", .type = "sqlite", .path = live_};
        request.snapshot = {.name = "app", .type = "sqlite", .path = before_};
        request.selectors = *data::parse_selectors(selectors);
        request.strategy = data::Strategy::overwrite;
        request.now = {2'000'000'000, 0};
        return request;
    }
    std::string live(std::string const& sql) { return *open_for_writing(live_).text(sql); }

    std::optional<system::ScratchFolder> folder_;
    system::Path before_, live_;
};

}  // namespace perdure::origin::testing
