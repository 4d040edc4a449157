#include "catalog/run_log.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "catalog/handle.h"

namespace perdure::catalog {
namespace {

struct RunLogTest : testing::Test {
    system::ScratchFolder folder = *system::ScratchFolder::create();
    RunLog open() { return *RunLog::open(folder.path() / "deep" / "runs.db"); }
};

TEST_F(RunLogTest, AFinishedRunIsFoundWithAllThatItSaid) {
    auto log = open();
    auto const id = log.start("backup", {"app", "www"});
    ASSERT_TRUE(id);
    catalog::Run run{.id = *id, .verb = "backup"};
    run.outcome = Outcome::partial;
    run.exit_code = 3;
    run.snapshot = "abc";
    run.bytes_new = 12;
    run.problems = {{"www: a\xff", "unreadable"}};
    run.skipped = {{"www", 1}};
    ASSERT_TRUE(log.finish(run));
    auto const found = open().find(*id);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->outcome, Outcome::partial);
    EXPECT_EQ(found->exit_code, 3);
    EXPECT_EQ(found->bytes_new, 12u);
    EXPECT_EQ(found->sources, (std::vector<std::string>{"app", "www"}));
    ASSERT_EQ(found->problems.size(), 1u);
    EXPECT_EQ(found->problems[0].path, "www: a\xff");
    EXPECT_EQ(found->skipped, run.skipped) << "which source lacks something, and how much";
    EXPECT_EQ(log.last("backup", "www", {Outcome::partial})->value().skipped, run.skipped);
}

TEST_F(RunLogTest, WhatOldRunsSaidInDetailIsForgottenAndHowTheyEndedStays) {
    auto log = open();
    auto const old = log.start("backup", {"app"});
    catalog::Run run{.id = *old, .verb = "backup"};
    run.outcome = Outcome::failed;
    run.error = "anna.jpg cannot be read";
    run.problems = {{"anna.jpg", "unreadable"}};
    ASSERT_TRUE(log.finish(run));
    {
        sqlite3* raw = nullptr;
        auto const file = (folder.path() / "deep" / "runs.db").string();
        ASSERT_EQ(sqlite3_open(file.c_str(), &raw), SQLITE_OK);
        DatabaseHandle const database(raw);
        ASSERT_EQ(sqlite3_exec(raw, "UPDATE run SET started = started - 91 * 86400000", nullptr,
                               nullptr, nullptr),
                  SQLITE_OK);
    }
    catalog::Run fresh{.id = *log.start("backup", {"app"})};
    fresh.outcome = Outcome::failed;
    fresh.error = "no space";
    ASSERT_TRUE(log.finish(fresh));
    auto const found = log.find(*old);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->outcome, Outcome::failed);
    EXPECT_EQ(found->problems_total, 1u);
    EXPECT_TRUE(found->problems.empty());
    EXPECT_EQ(found->error, "");
    EXPECT_EQ(log.find(fresh.id)->error, "no space");
}

TEST_F(RunLogTest, ARunWhoseProcessDiedIsInterrupted) {
    {
        auto log = open();
    }
    auto const child = fork();
    if (child == 0) {
        auto log = open();
        _exit(log.start("backup", {"app"}) ? 0 : 1);
    }
    int status = 1;
    waitpid(child, &status, 0);
    ASSERT_EQ(status, 0);
    auto log = open();
    auto const mine = log.start("verify", {});
    auto const runs = log.list(10);
    ASSERT_TRUE(runs);
    ASSERT_EQ(runs->size(), 2u);
    EXPECT_EQ((*runs)[0].outcome, Outcome::running);
    EXPECT_EQ((*runs)[1].outcome, Outcome::interrupted);
}

TEST_F(RunLogTest, LastFindsTheNewestOfASourceWithAnOutcome) {
    auto log = open();
    for (auto const outcome : {Outcome::ok, Outcome::failed}) {
        catalog::Run run{.id = *log.start("backup", {"app"})};
        run.outcome = outcome;
        ASSERT_TRUE(log.finish(run));
    }
    auto const ok = log.last("backup", "app", {Outcome::ok});
    ASSERT_TRUE(ok && *ok);
    EXPECT_EQ((*ok)->id, 1);
    EXPECT_FALSE(log.last("backup", "other", {Outcome::ok})->has_value());
    EXPECT_FALSE(log.find(99));
}

TEST_F(RunLogTest, AFileThatIsNoDatabaseIsNamed) {
    auto const file = folder.path() / "runs.db";
    ASSERT_TRUE(system::write_file(file, as_bytes(std::string(5000, 'x'))));
    auto const log = RunLog::open(file);
    ASSERT_FALSE(log);
    EXPECT_EQ(log.error().fault(), Fault::corrupt);
}

}  // namespace
}  // namespace perdure::catalog
