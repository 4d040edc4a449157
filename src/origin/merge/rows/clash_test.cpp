#include "origin/merge/rows/rows_testing.h"
#include "origin/merge/rows/unique_index.h"

namespace perdure::origin::testing {
namespace {

std::string condition_of(std::string_view sql) {
    return read_index(sql).condition;
}

using Terms = std::vector<std::string>;

TEST(IndexText, ItsConditionStandsBehindWhereWhateverTheNames) {
    EXPECT_EQ(condition_of("CREATE UNIQUE INDEX u ON t(a) WHERE b = 1"), " b = 1");
    EXPECT_EQ(condition_of("CREATE UNIQUE INDEX \"where\" ON [where x](`where`, (a > ')'))\n"
                           "-- where\n/* where */ wHeRe\nc IS NULL"),
              "\nc IS NULL");
    EXPECT_EQ(condition_of("CREATE UNIQUE INDEX u ON t(\"it\"\"s where\")"), "");
    EXPECT_EQ(condition_of("CREATE UNIQUE INDEX somewhere ON t(a)"), "");
    EXPECT_EQ(condition_of("CREATE UNIQUE INDEX u ON t('a"), "");
}

TEST(IndexText, ItsTermsStandBetweenTheBracketsWithoutTheirOrder) {
    EXPECT_EQ(read_index("CREATE UNIQUE INDEX u ON t(lower(a), b DESC,(c||','))").terms,
              (Terms{"lower(a)", "b", "(c||',')"}));
    EXPECT_EQ(read_index("CREATE UNIQUE INDEX \"a(b\" ON [t(](\"x desc\" asc -- c,d\n, "
                         "f(a, b) COLLATE NOCASE deSC /*)*/) WHERE a IN (1, 2)")
                  .terms,
              (Terms{"\"x desc\"", "f(a, b) COLLATE NOCASE"}));
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

TEST_F(MergeClashes, AnIndexOfAnExpressionIsAskedToo) {
    both(
        "CREATE TABLE n(id INTEGER PRIMARY KEY, v TEXT);"
        "CREATE UNIQUE INDEX u ON n(lower(v), id % 2) WHERE v <> 'free';"
        "INSERT INTO n VALUES(1, 'Ann'), (2, 'free'), (4, 'Bob')");
    run_sql(live_, "DELETE FROM n; INSERT INTO n VALUES(3, 'aNN'), (6, 'free')");
    auto const plan = read(request());
    EXPECT_EQ(plan.table("n").blocked, 1u);
    ASSERT_FALSE(plan.items.empty());
    EXPECT_EQ(plan.items.front().reason,
              "lower(v)+id % 2 \"ann\" belongs to app:n/3 in the target");
    auto const done = merge(request(), Merge::Mode::write);
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(live("SELECT group_concat(id) FROM n"), "2,3,4,6");
}

TEST_F(MergeClashes, AnIndexComparesByItsOwnCollationNotByTheColumns) {
    both(
        "CREATE TABLE n(id INTEGER PRIMARY KEY, v TEXT);"
        "CREATE UNIQUE INDEX u ON n(v COLLATE NOCASE); INSERT INTO n VALUES(1, 'Ann'), (2, 'B')");
    run_sql(live_, "DELETE FROM n; INSERT INTO n VALUES(7, 'ANN')");
    EXPECT_EQ(read(request()).table("n").blocked, 1u);
    auto const done = merge(request(), Merge::Mode::write);
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(live("SELECT group_concat(id) FROM n"), "2,7");
}

TEST_F(MergeClashes, RowsThatANewerIndexLetsStandOnlyOnceAreBlockedByThePlan) {
    both(
        "CREATE TABLE n(id INTEGER PRIMARY KEY, v TEXT);"
        "INSERT INTO n VALUES(1, 'x'), (2, NULL), (3, 'X'), (4, 'y'), (5, NULL)");
    run_sql(live_, "DELETE FROM n; CREATE UNIQUE INDEX u ON n(lower(v))");
    auto const plan = read(request());
    EXPECT_EQ(plan.table("n").blocked, 2u);
    EXPECT_EQ(plan.items.front().reason,
              "lower(v) \"x\" may stand only once by now, and app:n/3 has it, too: choose one of "
              "them");
    auto const done = merge(request(), Merge::Mode::write);
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(live("SELECT group_concat(id) FROM (SELECT id FROM n ORDER BY id)"), "2,4,5");
    // The way out that is told.
    auto const one = merge(request({"app:n/3"}), Merge::Mode::write);
    ASSERT_TRUE(one) << one.error().message();
    EXPECT_EQ(live("SELECT group_concat(id) FROM (SELECT id FROM n ORDER BY id)"), "2,3,4,5");
    // What is there as it was stays so; the other one does not take its place.
    EXPECT_EQ(read(request()).table("n").blocked, 1u);
    EXPECT_TRUE(merge(request(), Merge::Mode::write));
    EXPECT_EQ(live("SELECT group_concat(id) FROM (SELECT id FROM n ORDER BY id)"), "2,3,4,5");
}

TEST_F(MergeClashes, KeysThatBecameOneAreNotWrittenOverEachOther) {
    static_cast<void>(open_for_writing(before_));
    run_sql(before_,
            "CREATE TABLE n(k TEXT PRIMARY KEY, v); INSERT INTO n VALUES('A', 1), ('a', 2),"
            "('b', 3)");
    static_cast<void>(open_for_writing(live_));
    run_sql(live_,
            "CREATE TABLE n(k TEXT PRIMARY KEY COLLATE NOCASE, v);"
            "INSERT INTO n VALUES('a', 2)");
    auto const plan = read(request());
    EXPECT_EQ(plan.table("n").blocked, 1u);
    auto const done = merge(request(), Merge::Mode::write);
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(live("SELECT group_concat(k || v) FROM n"), "a2,b3");
}

TEST_F(MergeClashes, WhatTheDatabaseAloneCanTellIsRefusedWithTheRecordToLeaveOut) {
    static_cast<void>(open_for_writing(before_));
    run_sql(before_,
            "CREATE TABLE n(id INTEGER PRIMARY KEY, v); INSERT INTO n VALUES(1, 'x'),"
            "(3, 'X')");
    static_cast<void>(open_for_writing(live_));
    run_sql(live_, "CREATE TABLE n(id INTEGER PRIMARY KEY, v CHECK(v > 'a'))");
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
