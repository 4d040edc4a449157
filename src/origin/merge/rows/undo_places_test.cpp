#include <algorithm>

#include "origin/merge/rows/rows_testing.h"

namespace perdure::origin::testing {
namespace {

/// Rows whose number no column shows: SQLite gives the number of one that went to the next.
class UndoOfNumbers : public MergeOfTwo {
protected:
    Done restore() {
        auto wish = request();
        wish.remove = true;
        auto done = merge(std::move(wish), Merge::Mode::write);
        EXPECT_TRUE(done) << done.error().message();
        return done ? std::move(*done) : Done{};
    }
    std::size_t kept(Undone const& undone) {
        return static_cast<std::size_t>(
            std::ranges::count(undone.items, UndoItem::Verdict::kept, &UndoItem::verdict));
    }
};

TEST_F(UndoOfNumbers, ARowWhoseNumberTheRestoreGaveToAnotherComesBack) {
    both("CREATE TABLE log(v, w); INSERT INTO log VALUES('x', 1), ('y', 1), ('z', 2)");
    run_sql(live_, "DELETE FROM log WHERE v = 'x'; INSERT INTO log VALUES('new1', 5), ('new2', 6)");
    run_sql(live_, "VACUUM");
    auto const was = dump(live_);
    auto const done = restore();
    EXPECT_EQ(dump(live_), dump(before_));
    {
        auto look = RowUndo::open(live_, done.written, Merge::Mode::read, 1000, {});
        ASSERT_TRUE(look);
        for (auto const& change : done.changes) EXPECT_EQ(*(*look)->shows(change), 1);
    }
    auto const back = undo(live_, done.written, done.changes);
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(kept(*back), 0u);
    EXPECT_EQ(dump(live_), was);
    auto const again = undo(live_, back->written, back->changes);
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(kept(*again), 0u);
    EXPECT_EQ(dump(live_), dump(before_));
}

TEST_F(UndoOfNumbers, ARowWhoseNumberTheApplicationGaveToAnotherComesBackBesideIt) {
    both("CREATE TABLE log(v); INSERT INTO log VALUES('x')");
    run_sql(live_, "INSERT INTO log VALUES('new')");
    auto const done = restore();
    run_sql(live_, "INSERT INTO log VALUES('later')");
    auto const back = undo(live_, done.written, done.changes);
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(kept(*back), 0u);
    EXPECT_EQ(live("SELECT group_concat(v) FROM (SELECT v FROM log ORDER BY v)"), "later,new,x");
}

TEST_F(UndoOfNumbers, WhatAnotherRowHoldsByNowStaysItsOwn) {
    both(
        "CREATE TABLE t(k TEXT PRIMARY KEY, mail TEXT UNIQUE, v);"
        "INSERT INTO t VALUES('a', 'm', 1)");
    run_sql(live_, "DELETE FROM t; INSERT INTO t VALUES('z', 'm', 2)");
    auto const was = dump(live_);
    auto const done = restore();
    EXPECT_EQ(dump(live_), dump(before_));
    auto const back = undo(live_, done.written, done.changes);
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(kept(*back), 0u) << "the row that has the number and the mail goes itself";
    EXPECT_EQ(dump(live_), was);
    auto const again = restore();
    run_sql(live_, "DELETE FROM t; INSERT INTO t VALUES('other', 'm', 3)");
    auto const partly = undo(live_, again.written, again.changes);
    ASSERT_TRUE(partly) << partly.error().message();
    EXPECT_EQ(kept(*partly), 2u);
    EXPECT_EQ(live("SELECT group_concat(k) FROM t"), "other");
}

TEST_F(UndoOfNumbers, WhatTheRunItselfPutInItsPlaceKeepsNoRowAway) {
    both(
        "CREATE TABLE t(k TEXT PRIMARY KEY, mail TEXT, gone INT);"
        "CREATE UNIQUE INDEX active ON t(lower(mail)) WHERE gone IS NULL;"
        "CREATE TABLE g(k TEXT PRIMARY KEY, mail TEXT, low AS (lower(mail)) UNIQUE);"
        "INSERT INTO t VALUES('a', 'M', NULL), ('b', 'other', 1), ('c', 'OTHER', NULL);"
        "INSERT INTO g VALUES('a', 'M')");
    run_sql(live_,
            "DELETE FROM t; INSERT INTO t VALUES('x', 'm', NULL), ('y', 'M', 5), ('z', 'm', 2);"
            "DELETE FROM g; INSERT INTO g VALUES('x', 'm')");
    auto const was = dump(live_);
    auto const done = restore();
    EXPECT_EQ(dump(live_), dump(before_));
    auto const back = undo(live_, done.written, done.changes);
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(kept(*back), 0u);
    EXPECT_EQ(dump(live_), was);
    auto const again = restore();
    run_sql(live_, "UPDATE t SET gone = 7 WHERE k = 'a'; UPDATE t SET mail = 'M' WHERE k = 'c'");
    auto const partly = undo(live_, again.written, again.changes);
    ASSERT_TRUE(partly) << partly.error().message();
    EXPECT_EQ(live("SELECT group_concat(k || mail, ' ') FROM (SELECT * FROM t ORDER BY k)"),
              "aM cM yM zm")
        << "x would be active with the mail that c has by now";
}

TEST_F(UndoOfNumbers, AForeignKeyThatNamesNoKeyHoldsNothingBack) {
    both(
        "CREATE TABLE p(v); CREATE TABLE c(id INTEGER PRIMARY KEY, v REFERENCES p(v));"
        "INSERT INTO p VALUES('x'); INSERT INTO c VALUES(1, 'x')");
    run_sql(live_, "DELETE FROM p");
    auto const done = restore();
    auto const back = undo(live_, done.written, done.changes);
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(back->held.size(), 0u);
    EXPECT_EQ(live("SELECT count(*) FROM p"), "0");
}

TEST_F(UndoOfNumbers, WhatIsReferredToSinceStaysAndTheRestIsTakenBack) {
    both(
        "CREATE TABLE users(id INTEGER PRIMARY KEY, name, boss INT REFERENCES users(id));"
        "CREATE TABLE notes(id INTEGER PRIMARY KEY, u INT REFERENCES users(id));"
        "INSERT INTO users VALUES(1, 'Ann', NULL), (2, 'Bob', 1), (3, 'Cid', NULL), (4, 'Dan', 3);"
        "INSERT INTO notes VALUES(1, 4)");
    run_sql(live_, "DELETE FROM notes; DELETE FROM users");
    auto const done = restore();
    run_sql(live_, "INSERT INTO notes VALUES(9, 2)");
    auto const back = undo(live_, done.written, done.changes);
    ASSERT_TRUE(back) << back.error().message();
    ASSERT_EQ(back->held.size(), 2u);
    EXPECT_EQ(back->held[0].record, "app:users/2");
    EXPECT_EQ(back->held[0].reason, "row 9 of notes refers to it since");
    EXPECT_EQ(back->held[1].reason, "row 2 of users refers to it since");
    EXPECT_EQ(live("SELECT group_concat(id) FROM (SELECT id FROM users ORDER BY id)"), "1,2");
    EXPECT_EQ(live("SELECT group_concat(id) FROM notes"), "9");
    auto const again = undo(live_, back->written, back->changes);
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(live("SELECT count(*) FROM users"), "4");
}

}  // namespace
}  // namespace perdure::origin::testing
