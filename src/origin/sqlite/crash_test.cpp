#include <gtest/gtest.h>

#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "origin/sqlite/testing.h"

namespace perdure::origin::testing {

namespace {

namespace fs = std::filesystem;

class SqliteCrash : public ::testing::Test {
protected:
    SqliteCrash() : scratch_(std::move(*system::ScratchFolder::create())) {
        fs::create_directories(scratch_.path() / "in");
        source_ = {.name = "app", .type = "sqlite", .path = scratch_.path() / "in/app.db"};
    }
    /// Runs SQL in a process that dies at once, its transaction open or its log unfolded.
    void die_after(std::string const& sql) {
        pid_t const child = ::fork();
        if (child == 0) {
            auto connection = Connection::open(
                source_.path, {.flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE});
            bool const done = connection && connection->run(sql);
            ::_exit(done ? 0 : 1);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        ASSERT_EQ(status, 0);
    }
    std::map<std::string, std::string> folder_contents() const {
        std::map<std::string, std::string> contents;
        for (auto const& entry : fs::directory_iterator(source_.path.parent_path())) {
            std::ifstream in(entry.path(), std::ios::binary);
            contents[entry.path().filename()] = {std::istreambuf_iterator<char>(in), {}};
        }
        return contents;
    }
    /// One row that was kept, and a journal with what a crash tore.
    void leave_hot_journal() {
        die_after("CREATE TABLE t(x); INSERT INTO t VALUES('kept')");
        die_after(
            "PRAGMA cache_size=1; BEGIN; UPDATE t SET x = 'torn'; WITH RECURSIVE n(i) AS (SELECT 1 "
            "UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO t SELECT "
            "hex(randomblob(200)) FROM n");
        ASSERT_GT(fs::file_size(source_.path.string() + "-journal"), 0U);
    }
    system::ScratchFolder scratch_;
    SourceOptions source_;
};

}  // namespace

TEST_F(SqliteCrash, AHotJournalIsRolledBackInACopyAndTheUsersFolderStaysAsItIs) {
    ASSERT_NO_FATAL_FAILURE(leave_hot_journal());
    auto const before = folder_contents();
    auto const snapshot = take(source_);
    ASSERT_TRUE(snapshot) << snapshot.error().message();
    EXPECT_EQ(snapshot->rows.size(), 1U);
    EXPECT_EQ(folder_contents(), before);
}

TEST_F(SqliteCrash, AHotJournalBesideWhatALinkLeadsToIsRolledBackToo) {
    ASSERT_NO_FATAL_FAILURE(leave_hot_journal());
    auto const before = folder_contents();
    auto linked = source_;
    linked.path = scratch_.path() / "link.db";
    fs::create_symlink(source_.path, linked.path);
    auto const snapshot = take(linked);
    ASSERT_TRUE(snapshot) << snapshot.error().message();
    EXPECT_EQ(snapshot->rows.size(), 1U);
    EXPECT_EQ(folder_contents(), before);
}

TEST_F(SqliteCrash, ALogThatACrashLeftIsReadAndNothingIsWritten) {
    die_after(
        "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; CREATE TABLE t(x);"
        "INSERT INTO t VALUES(1), (2)");
    fs::remove(source_.path.string() + "-shm");
    auto const before = folder_contents();
    auto const snapshot = take(source_);
    ASSERT_TRUE(snapshot) << snapshot.error().message();
    EXPECT_EQ(snapshot->rows.size(), 2U);
    EXPECT_EQ(folder_contents(), before);
}

TEST_F(SqliteCrash, ALogModeDatabaseOnReadOnlyMediaIsRead) {
    die_after(
        "PRAGMA journal_mode=WAL; CREATE TABLE t(x); INSERT INTO t VALUES(1);"
        "PRAGMA wal_checkpoint(TRUNCATE)");
    fs::remove(source_.path.string() + "-shm");
    fs::remove(source_.path.string() + "-wal");
    auto const mounted = scratch_.path() / "in";
    if (::mount(mounted.c_str(), mounted.c_str(), nullptr, MS_BIND, nullptr) != 0 ||
        ::mount(nullptr, mounted.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) !=
            0) {
        ::umount2(mounted.c_str(), MNT_DETACH);
        GTEST_SKIP() << "mounting is not allowed here";
    }
    auto const snapshot = take(source_);
    auto const found = folder_contents();
    ::umount2(mounted.c_str(), MNT_DETACH);
    ASSERT_TRUE(snapshot) << snapshot.error().message();
    EXPECT_EQ(snapshot->rows.size(), 1U);
    EXPECT_EQ(snapshot->schema.settings.at("journal_mode"), "wal");
    EXPECT_EQ(found.size(), 1U);
}

TEST_F(SqliteCrash, AnUnfinishedRestoreLeavesNothingUnderTheName) {
    die_after("CREATE TABLE t(x); INSERT INTO t VALUES(1)");
    auto const snapshot = take(source_);
    auto const out = scratch_.path() / "out";
    {
        auto target = open_sqlite_target(source_, {.folder = out});
        ASSERT_TRUE((*target)->begin(snapshot->schema));
        ASSERT_TRUE((*target)->add({{}, 0, snapshot->rows[0].key, snapshot->rows[0].payload}));
        EXPECT_FALSE(fs::exists(out / "app.db"));
    }
    EXPECT_TRUE(fs::is_empty(out));
}

TEST_F(SqliteCrash, AnExistingDatabaseIsReplacedOnlyWhenAllowedAndNeverKeepsItsLog) {
    die_after("CREATE TABLE t(x); INSERT INTO t VALUES('new')");
    auto const snapshot = take(source_);
    auto const out = scratch_.path() / "out";
    fs::create_directories(out);
    auto const was = source_.path;
    source_.path = out / "app.db";
    die_after("PRAGMA journal_mode=WAL; CREATE TABLE old(x)");
    ASSERT_TRUE(fs::exists(out / "app.db-wal"));
    source_.path = was;
    auto const refused = put_back(source_, *snapshot, out);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().fault(), Fault::conflict);
    ASSERT_TRUE(put_back(source_, *snapshot, out, true));
    EXPECT_EQ(std::distance(fs::directory_iterator(out), {}), 1);
    EXPECT_EQ(differences(source_.path, out / "app.db"), std::vector<std::string>());
}

TEST_F(SqliteCrash, ADatabaseInUseIsNotReplaced) {
    die_after("CREATE TABLE t(x)");
    auto const snapshot = take(source_);
    auto const out = scratch_.path() / "out";
    fs::create_directories(out);
    auto user = open_for_writing(out / "app.db");
    ASSERT_TRUE(user.run("CREATE TABLE mine(x); BEGIN EXCLUSIVE"));
    auto const refused = put_back(source_, *snapshot, out, true);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), 11);
}

TEST_F(SqliteCrash, WhatIsNoDatabaseIsRefusedByItsName) {
    std::ofstream(source_.path) << std::string(5000, 'x');
    auto const refused = take(source_);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().fault(), Fault::corrupt);
    EXPECT_NE(refused.error().message().find("app.db"), std::string::npos);
    source_.path = scratch_.path() / "absent.db";
    EXPECT_EQ(take(source_).error().fault(), Fault::not_found);
    source_.path = scratch_.path();
    EXPECT_EQ(take(source_).error().fault(), Fault::invalid);
}

TEST_F(SqliteCrash, AStopEndsReadingSoon) {
    die_after("CREATE TABLE t(x); INSERT INTO t VALUES(1)");
    std::stop_source stop;
    auto reader = (*open_sqlite(source_))->open_rows(stop.get_token());
    ASSERT_TRUE(reader);
    stop.request_stop();
    auto const row = (*reader)->next(stop.get_token());
    ASSERT_FALSE(row);
    EXPECT_EQ(row.error().fault(), Fault::cancelled);
}

}  // namespace perdure::origin::testing
