#include "origin/merge/rows/partial_index.h"
#include "origin/merge/rows/rows_testing.h"

namespace perdure::origin::testing {
namespace {

TEST(PartialIndex, ItsConditionStandsBehindWhereWhateverTheNames) {
    EXPECT_EQ(condition_of("CREATE UNIQUE INDEX u ON t(a) WHERE b = 1"), " b = 1");
    EXPECT_EQ(condition_of("CREATE UNIQUE INDEX \"where\" ON [where x](`where`, (a > ')'))\n"
                           "-- where\n/* where */ wHeRe\nc IS NULL"),
              "\nc IS NULL");
    EXPECT_EQ(condition_of("CREATE UNIQUE INDEX u ON t(\"it\"\"s where\")"), "");
    EXPECT_EQ(condition_of("CREATE UNIQUE INDEX somewhere ON t(a)"), "");
    EXPECT_EQ(condition_of("CREATE UNIQUE INDEX u ON t('a"), "");
}

class MergeClashes : public MergeOfTwo {
protected:
    Done read(MergeRequest wish) {
        auto plan = merge(std::move(wish), Merge::Mode::read);
        EXPECT_TRUE(plan) << plan.error().message();
        return plan ? std::move(*plan) : Done{};
    }
};

TEST_F(MergeClashes, AnIndexOverSomeRowsBlocksThoseRowsOnly) {
    both(
        "CREATE TABLE users(id INTEGER PRIMARY KEY, mail TEXT, gone TEXT);"
        "CREATE UNIQUE INDEX u ON users(mail) WHERE gone IS NULL;"
        "INSERT INTO users VALUES(1, 'a', NULL), (2, 'b', 'yes'), (3, 'c', NULL), (4, 'd', NULL)");
    run_sql(live_,
            "DELETE FROM users WHERE id < 4; INSERT INTO users VALUES(11, 'a', NULL),"
            "(12, 'b', NULL), (13, 'c', 'yes')");
    auto const plan = read(request());
    EXPECT_EQ(plan.table("users").blocked, 1u) << "b is gone there, c is gone here";
    ASSERT_FALSE(plan.items.empty());
    EXPECT_EQ(plan.items.front().record, "app:users/1");
    EXPECT_EQ(plan.items.front().reason, "mail \"a\" belongs to app:users/11 in the target");
    auto const done = merge(request(), Merge::Mode::write);
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(live("SELECT group_concat(id || mail) FROM users"), "2b,3c,4d,11a,12b,13c");
    auto wish = request();
    wish.remove = true;
    EXPECT_EQ(read(wish).table("users").blocked, 0u);
    auto const whole = merge(std::move(wish), Merge::Mode::write);
    ASSERT_TRUE(whole) << whole.error().message();
    EXPECT_EQ(dump(live_), dump(before_));
}

TEST_F(MergeClashes, WhatTheDatabaseAloneCanTellIsRefusedWithTheRecordToLeaveOut) {
    both("CREATE TABLE n(id INTEGER PRIMARY KEY, v); INSERT INTO n VALUES(1, 'x'), (3, 'X')");
    run_sql(live_, "DELETE FROM n; CREATE UNIQUE INDEX u ON n(lower(v))");
    auto const done = merge(request(), Merge::Mode::write);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().fault(), Fault::conflict);
    EXPECT_NE(done.error().fix().find("--override app:n/3=skip"), std::string::npos)
        << done.error().fix();
    auto wish = request();
    wish.overrides = {{"app:n/3", data::Decision::skip}};
    auto const rest = merge(std::move(wish), Merge::Mode::write);
    ASSERT_TRUE(rest) << rest.error().message();
    EXPECT_EQ(live("SELECT group_concat(id) FROM n"), "1");
}

}  // namespace
}  // namespace perdure::origin::testing
