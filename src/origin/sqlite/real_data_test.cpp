#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>

#include "origin/sqlite/testing.h"

namespace perdure::origin::testing {

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> databases_below(fs::path const& folder) {
    std::vector<fs::path> found;
    for (auto const& entry : fs::recursive_directory_iterator(folder)) {
        if (!entry.is_regular_file()) continue;
        char magic[16] = {};
        std::ifstream(entry.path(), std::ios::binary).read(magic, sizeof magic);
        if (std::string_view(magic, 15) == "SQLite format 3") found.push_back(entry.path());
    }
    std::ranges::sort(found);
    return found;
}

/// A private copy with its side files: nothing here may touch the shared data.
SourceOptions copy_of(fs::path const& database, fs::path const& folder) {
    fs::create_directories(folder);
    for (std::string const ending : {"", "-wal", "-journal"}) {
        fs::path const from = database.string() + ending;
        if (fs::exists(from)) fs::copy_file(from, folder / (database.filename().string() + ending));
    }
    return {.name = "app", .type = "sqlite", .path = folder / database.filename()};
}

std::vector<std::string> integrity(SourceOptions const& source) {
    std::vector<std::string> found;
    auto const problems = (*open_sqlite(source))->check({});
    if (!problems) return {problems.error().message()};
    for (auto const& problem : *problems) found.push_back(problem.reason);
    std::ranges::sort(found);
    return found;
}

class RealData : public ::testing::Test {
protected:
    void SetUp() override {
        if (shared_data().empty()) GTEST_SKIP() << "no ../shared/data on this machine";
        scratch_.emplace(std::move(*system::ScratchFolder::create()));
    }
    void expect_faithful(fs::path const& database) {
        SCOPED_TRACE(database.string());
        fs::path const folder = scratch_->path() / std::to_string(++count_);
        auto const source = copy_of(database, folder / "in");
        // Some images pass for sound although the rows of a WITHOUT ROWID table lie out of order.
        auto const wrong = integrity(source);
        auto const snapshot = take(source);
        ASSERT_TRUE(snapshot) << snapshot.error().message();
        auto const problems = put_back(source, *snapshot, folder / "out");
        ASSERT_TRUE(problems) << problems.error().message();
        for (auto const& problem : *problems) {
            std::cout << database.filename() << ": " << problem.path << ": " << problem.reason
                      << '\n';
        }
        auto const restored = relocated(source, folder / "out");
        auto const digest = (*open_sqlite(restored))->digest({});
        ASSERT_TRUE(digest) << digest.error().message();
        if (!wrong.empty()) return;
        EXPECT_EQ(digest->hash, snapshot->digest.hash);
        EXPECT_EQ(integrity(restored), wrong);
        EXPECT_EQ(differences(source.path, restored.path), std::vector<std::string>());
    }
    std::optional<system::ScratchFolder> scratch_;
    int count_ = 0;
};

}  // namespace

TEST_F(RealData, ApplicationsDatabasesComeBackEqual) {
    auto const found = databases_below(shared_data() / "sqlite");
    ASSERT_GE(found.size(), 40U);
    for (auto const& database : found) expect_faithful(database);
}

TEST_F(RealData, EveryGenerationOfADatabaseComesBackEqual) {
    auto const found = databases_below(shared_data() / "versions");
    ASSERT_GT(found.size(), 30U);
    for (auto const& database : found) expect_faithful(database);
}

TEST_F(RealData, DamagedImagesGiveAnErrorOrAnEqualCopyInBoundedTime) {
    fs::path const images = shared_data() / "hostile/sqlite-corrupt-images";
    int refused = 0, read = 0;
    for (auto const& entry : fs::recursive_directory_iterator(images)) {
        if (!entry.is_regular_file()) continue;
        SCOPED_TRACE(entry.path().string());
        auto const source = copy_of(entry.path(), scratch_->path() / std::to_string(++count_));
        auto const start = std::chrono::steady_clock::now();
        auto const snapshot = take(source);
        if (snapshot) {
            ++read;
            // What was backed up comes back, however bad it is; what does not is named.
            auto const put = put_back(source, *snapshot, source.path.parent_path() / "out");
            EXPECT_TRUE(put) << put.error().message();
        } else {
            ++refused;
            EXPECT_FALSE(snapshot.error().message().empty());
        }
        EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
    }
    EXPECT_GT(refused, 100);
    EXPECT_GT(read, 25);
}

TEST_F(RealData, SoundImagesComeBackEqual) {
    for (auto const& entry :
         fs::directory_iterator(shared_data() / "hostile/sqlite-corrupt-images/ok")) {
        expect_faithful(entry.path());
    }
}

TEST_F(RealData, AnUncheckpointedLogIsPartOfTheDatabase) {
    auto const source =
        copy_of(shared_data() / "sqlite/plaso_app_dbs/wal_database.db", scratch_->path() / "wal");
    auto const snapshot = take(source);
    ASSERT_TRUE(snapshot) << snapshot.error().message();
    std::size_t rows = 0;
    for (auto const& table : snapshot->schema.tables) {
        rows = std::max(rows, snapshot->rows_of(table.name).size());
    }
    EXPECT_EQ(rows, 11U);
    EXPECT_FALSE(fs::exists(source.path.string() + "-shm"));
}

}  // namespace perdure::origin::testing
