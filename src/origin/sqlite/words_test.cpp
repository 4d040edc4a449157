#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "origin/damage.h"
#include "origin/sqlite/testing.h"
#include "origin/unmade.h"

// What SQLite finds it tells in words alone, and this room judges by them what is damage, what
// follows from the rows, and what only a stand-in for a collation sees. A version of SQLite that
// words them anew fails here.

namespace perdure::origin {
namespace {

using testing::open_for_writing;

class SqliteWords : public ::testing::Test {
protected:
    system::ScratchFolder scratch_ = *system::ScratchFolder::create();
    SourceOptions const source_{
        .name = "app", .type = "sqlite", .path = scratch_.path() / "app.db"};

    void write(std::string const& sql) {
        auto connection = open_for_writing(source_.path);
        auto const done = connection.run(sql);
        ASSERT_TRUE(done) << done.error().message();
    }
    /// Puts another text into the schema, as an application does that changes it by hand.
    static std::string reword(std::string const& name, std::string const& sql) {
        return "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql = " + literal(sql) +
               " WHERE name = " + literal(name) + ";";
    }
    std::vector<std::string> told() {
        std::vector<std::string> out;
        auto const problems = (*open_sqlite(source_))->check({});
        EXPECT_TRUE(problems) << problems.error().message();
        for (auto const& problem : *problems) out.push_back(problem.reason);
        return out;
    }
    std::size_t of_the_rows() {
        auto const problems = (*open_sqlite(source_))->check({});
        return static_cast<std::size_t>(std::ranges::count_if(*problems, is_of_the_rows));
    }
    std::vector<data::Problem> damage() {
        auto const found = look_for_damage(source_, DamageCheck::contents, {});
        EXPECT_TRUE(found) << found.error().message();
        return *found;
    }
};

TEST_F(SqliteWords, WhatFollowsFromTheRowsIsToldAsSuch) {
    write(
        "CREATE TABLE parent(k PRIMARY KEY); CREATE TABLE child(k REFERENCES parent);"
        "INSERT INTO child VALUES('nobody'); CREATE TABLE bad(k REFERENCES parent(none));"
        "INSERT INTO bad VALUES(1); CREATE TABLE n(v); INSERT INTO n VALUES(NULL);" +
        reword("n", "CREATE TABLE n(v NOT NULL)"));
    auto const all = told();
    // NULL in NOT NULL, a row that misses its parent, and a key that no parent has hides neither.
    EXPECT_EQ(all.size(), 3u) << ::testing::PrintToString(all);
    EXPECT_EQ(of_the_rows(), all.size()) << ::testing::PrintToString(all);
    EXPECT_TRUE(damage().empty()) << damage().front().reason;
    auto connection = open_for_writing(source_.path);
    auto const asked = connection.prepare("PRAGMA foreign_key_check(bad)");
    ASSERT_FALSE(asked);
    EXPECT_TRUE(is_key_mismatch(asked.error())) << asked.error().message();
}

/// Told to whoever may write alone: what is opened to be read has no CHECK.
TEST_F(SqliteWords, ABrokenCheckIsOfTheRows) {
    write("CREATE TABLE c(v); INSERT INTO c VALUES(1);" +
          reword("c", "CREATE TABLE c(v CHECK(v > 1))"));
    auto connection = open_for_writing(source_.path);
    auto const told = connection.text("PRAGMA integrity_check");
    ASSERT_TRUE(told);
    EXPECT_TRUE(is_of_the_rows({"app", *told})) << *told;
}

/// Whatever a collation of ours makes of an order that it does not know, nothing else is forgiven.
TEST_F(SqliteWords, OrderThatOnlyTheApplicationKnowsIsNoDamage) {
    {
        auto connection = open_for_writing(source_.path);
        sqlite3_create_collation(connection.get(), "BACKWARDS", SQLITE_UTF8, nullptr,
                                 [](void*, int a, void const* x, int b, void const* y) {
                                     auto const both = static_cast<std::size_t>(std::min(a, b));
                                     int const order = std::memcmp(y, x, both);
                                     return order != 0 ? order : b - a;
                                 });
        ASSERT_TRUE(connection.run(
            "CREATE TABLE t(v TEXT COLLATE BACKWARDS UNIQUE); CREATE INDEX i ON t(v);"
            "CREATE TABLE w(k TEXT COLLATE BACKWARDS PRIMARY KEY, v) WITHOUT ROWID;"
            "INSERT INTO t VALUES('a'), ('b'), ('c'), ('d'); INSERT INTO w SELECT v, v FROM t;"));
    }
    auto const all = told();
    EXPECT_FALSE(all.empty()) << "the stand-in should see a wrong order";
    EXPECT_TRUE(damage().empty()) << damage().front().reason;
}

/// The same words without such a collation are damage.
TEST_F(SqliteWords, OrderThatSqliteKnowsIsDamage) {
    write(
        "CREATE TABLE t(v TEXT); INSERT INTO t VALUES('a'), ('b'), ('c');"
        "CREATE INDEX i ON t(v);" +
        reword("i", "CREATE INDEX i ON t(v DESC)"));
    EXPECT_FALSE(damage().empty());
}

}  // namespace
}  // namespace perdure::origin
