#include "catalog/run_log.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

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
    ASSERT_TRUE(log.finish(run));
    auto const found = open().find(*id);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->outcome, Outcome::partial);
    EXPECT_EQ(found->exit_code, 3);
    EXPECT_EQ(found->bytes_new, 12u);
    EXPECT_EQ(found->sources, (std::vector<std::string>{"app", "www"}));
    ASSERT_EQ(found->problems.size(), 1u);
    EXPECT_EQ(found->problems[0].path, "www: a\xff");
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
