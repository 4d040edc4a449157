#include "origin/merge/rows/rows_testing.h"

namespace perdure::origin::testing {
namespace {

class MergeModules : public MergeOfTwo {};

constexpr char const* modules = R"(
CREATE VIRTUAL TABLE notes USING fts5(title, body);
INSERT INTO notes(rowid, title, body) VALUES(3, 'only', 'copy of this text'), (9, 'x', 'same');
CREATE VIRTUAL TABLE old USING fts4(a, b);
INSERT INTO old(docid, a, b) VALUES(7, 'fourth', 'generation');
CREATE VIRTUAL TABLE places USING rtree(id, x0, x1, y0, y1, +name);
INSERT INTO places VALUES(1, 1, 2, 3, 4, 'home'), (2, 5, 6, 7, 8, 'work');
CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES(1, 'x');
)";

constexpr char const* everything =
    "SELECT group_concat(r, ';') FROM (SELECT rowid || title || body AS r FROM notes UNION ALL "
    "SELECT docid || a || b FROM old UNION ALL "
    "SELECT id || x0 || x1 || y0 || y1 || name FROM places)";

TEST_F(MergeModules, RowsThatOnlyAVirtualTableHoldsComeBackAndGoAgain) {
    both(modules);
    auto const wanted = live(everything);
    run_sql(live_,
            "DELETE FROM notes WHERE rowid = 3; UPDATE notes SET body = 'edited' WHERE rowid = 9;"
            "INSERT INTO notes(rowid, title, body) VALUES(10, 'new', 'one'); DELETE FROM old;"
            "DELETE FROM places WHERE id = 1; UPDATE places SET x0 = 4 WHERE id = 2;"
            "INSERT INTO places VALUES(3, 0, 1, 0, 1, 'new')");
    auto const edited = live(everything);
    auto wish = request();
    wish.remove = true;
    auto const done = merge(wish, Merge::Mode::write);
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(done->table("notes").create, 1u);
    EXPECT_EQ(done->table("places").conflict, 1u);
    EXPECT_EQ(done->table("places").remove, 1u);
    EXPECT_EQ(live(everything), wanted);
    EXPECT_EQ(live("SELECT rowid FROM notes WHERE notes MATCH 'copy'"), "3");
    EXPECT_EQ(live("SELECT docid FROM old WHERE old MATCH 'generation'"), "7");
    EXPECT_EQ(live("SELECT name FROM places WHERE x0 > 4.5"), "work");
    EXPECT_EQ(live("SELECT rtreecheck('places')"), "ok");
    run_sql(live_,
            "INSERT INTO notes(notes) VALUES('integrity-check');"
            "INSERT INTO old(old) VALUES('integrity-check')");
    auto const back = undo(live_, done->written, done->changes);
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(live(everything), edited);
}

TEST_F(MergeModules, OneRowOfAVirtualTableCanBeAskedFor) {
    both(modules);
    run_sql(live_, "DELETE FROM notes; DELETE FROM places");
    auto wish = request();
    wish.selectors = {*data::parse_selector("app:notes/9"), *data::parse_selector("app:places")};
    auto const done = merge(wish, Merge::Mode::write);
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(live("SELECT group_concat(rowid) FROM notes"), "9");
    EXPECT_EQ(live("SELECT group_concat(name) FROM places"), "home,work");
}

TEST_F(MergeModules, AnRTreeThatTriggersFeedFollowsItsTable) {
    both(
        "CREATE TABLE spot(id INTEGER PRIMARY KEY, x REAL);"
        "CREATE VIRTUAL TABLE by_place USING rtree(id, x0, x1);"
        "CREATE TRIGGER spot_in AFTER INSERT ON spot BEGIN "
        "INSERT INTO by_place VALUES(new.id, new.x, new.x); END;"
        "CREATE TRIGGER spot_out AFTER DELETE ON spot BEGIN "
        "DELETE FROM by_place WHERE id = old.id; END;"
        "INSERT INTO spot VALUES(1, 1.5), (2, 2.5)");
    run_sql(live_, "DELETE FROM spot WHERE id = 1");
    auto wish = request();
    wish.selectors = {*data::parse_selector("app:spot/1")};
    auto const done = merge(wish, Merge::Mode::write);
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(
        live("SELECT group_concat(id || ' ' || x0) FROM (SELECT * FROM by_place ORDER BY id)"),
        "1 1.5,2 2.5");
}

TEST_F(MergeModules, WhatNobodyCanLookIntoIsNamedOnceItDiffers) {
    both(
        "CREATE VIRTUAL TABLE words USING fts5(w, content='');"
        "INSERT INTO words(rowid, w) VALUES(1, 'alpha')");
    auto same = merge(request(), Merge::Mode::read);
    ASSERT_TRUE(same) << same.error().message();
    EXPECT_TRUE(same->items.empty());
    run_sql(live_, "INSERT INTO words(rowid, w) VALUES(2, 'beta')");
    auto const plan = merge(request(), Merge::Mode::read);
    ASSERT_TRUE(plan) << plan.error().message();
    ASSERT_EQ(plan->items.size(), 1u);
    EXPECT_EQ(plan->items[0].record, "app:words");
    EXPECT_EQ(plan->items[0].finding, MergeItem::Finding::blocked);
    EXPECT_NE(plan->items[0].reason.find("words without the texts"), std::string::npos);
    EXPECT_EQ(plan->table("words").blocked, 1u);
}

TEST_F(MergeModules, RowsThatCannotGoSinceTheirIndexWouldNotFollowAreNamed) {
    both(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v);"
        "CREATE VIRTUAL TABLE words USING fts5(v, content='');"
        "CREATE TRIGGER t_in AFTER INSERT ON t BEGIN "
        "INSERT INTO words(rowid, v) VALUES(new.id, new.v); END");
    run_sql(live_, "INSERT INTO t VALUES(1, 'x'), (2, 'y')");
    auto wish = request({"app:t"});
    EXPECT_EQ(merge(wish, Merge::Mode::read)->table("t").blocked, 0u) << "none was to go";
    wish.remove = true;
    auto const done = merge(wish, Merge::Mode::write);
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(live("SELECT count(*) FROM t"), "2");
    EXPECT_EQ(done->table("t").blocked, 2u);
    ASSERT_EQ(done->items.size(), 1u);
    EXPECT_EQ(done->items[0].record, "app:t");
    EXPECT_EQ(done->items[0].finding, MergeItem::Finding::blocked);
}

TEST_F(MergeModules, ANameInsideAnotherNameFeedsNothing) {
    both(
        "CREATE VIRTUAL TABLE note USING fts5(x); INSERT INTO note(rowid, x) VALUES(1, 'mine');"
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v); CREATE TABLE note_log(v);"
        "CREATE TRIGGER t_in AFTER INSERT ON t BEGIN INSERT INTO note_log VALUES(new.v); END;"
        "INSERT INTO t VALUES(1, 'x')");
    run_sql(live_, "UPDATE t SET v = 'y'; UPDATE note SET x = 'edited'");
    auto wish = request();
    wish.selectors = {*data::parse_selector("app:t/1")};
    auto const done = merge(wish, Merge::Mode::write);
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(live("SELECT v FROM t"), "x");
    EXPECT_EQ(live("SELECT x FROM note"), "edited");
}

}  // namespace
}  // namespace perdure::origin::testing
