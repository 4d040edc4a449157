#include "origin/merge/rows/rows_testing.h"

namespace perdure::origin::testing {
namespace {

class InheritedReferences : public MergeOfTwo {
protected:
    static constexpr auto* tables =
        "CREATE TABLE users(id INTEGER PRIMARY KEY, name);"
        "CREATE TABLE notes(id INTEGER PRIMARY KEY, user_id INT REFERENCES users, body);"
        "CREATE TABLE likes(user_id INT REFERENCES users(id), note_id INT REFERENCES notes,"
        " PRIMARY KEY(user_id, note_id)) WITHOUT ROWID;"
        "INSERT INTO users VALUES(1, 'Ann'), (2, 'Bob');";
    std::string live_notes() {
        return live("SELECT group_concat(id || ':' || user_id) FROM notes");
    }
};

TEST_F(InheritedReferences, WhatPointedToNothingThenComesBackAsItWas) {
    both(std::string(tables) +
         "INSERT INTO notes VALUES(1, 1, 'a'), (2, 77, 'orphan'), (3, NULL, 'c');"
         "INSERT INTO likes VALUES(1, 1), (78, 2), (1, 99)");
    run_sql(live_, "DELETE FROM notes; DELETE FROM likes");
    auto const was = dump(live_);
    auto const done = merge(request(), Merge::Mode::write);
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(dump(live_), dump(before_));
    auto const back = undo(live_, done->written, done->changes);
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(dump(live_), was);
}

TEST_F(InheritedReferences, WhatWasWholeThenIsNotBroken) {
    both(std::string(tables) + "INSERT INTO notes VALUES(1, 1, 'a'), (2, 77, 'orphan')");
    run_sql(live_, "UPDATE notes SET user_id = 2; UPDATE users SET id = 5 WHERE id = 1");
    auto wish = request({"app:notes"});
    wish.overrides = {{"app:users/1", data::Decision::skip}};
    auto const done = merge(std::move(wish), Merge::Mode::write);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().fault(), Fault::conflict);
    EXPECT_NE(done.error().message().find("1 reference would"), std::string::npos)
        << done.error().message();
    EXPECT_EQ(live_notes(), "1:2,2:2");
}

TEST_F(InheritedReferences, APersonWhoGoesLeavesNobodyBehindThoughAnotherOrphanNamedThem) {
    both(std::string(tables) + "INSERT INTO notes VALUES(2, 5, 'orphan')");
    run_sql(live_, "INSERT INTO users VALUES(5, 'Eve'); INSERT INTO notes VALUES(9, 5, 'hers')");
    auto wish = request({"app:users"});
    wish.remove = true;
    auto const done = merge(wish, Merge::Mode::write);
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(done->table("users").blocked, 1u);
    EXPECT_EQ(live("SELECT name FROM users WHERE id = 5"), "Eve");
    EXPECT_EQ(live_notes(), "2:5,9:5");
}

TEST_F(InheritedReferences, WhatAPersonAsksToStayHoldsWhatItRefersTo) {
    both(std::string(tables) + "INSERT INTO notes VALUES(1, 1, 'a')");
    run_sql(live_, "INSERT INTO users VALUES(5, 'Eve'); INSERT INTO notes VALUES(9, 5, 'hers')");
    auto wish = request();
    wish.remove = true;
    wish.overrides = {{"app:notes/9", data::Decision::skip}};
    auto const done = merge(wish, Merge::Mode::write);
    ASSERT_FALSE(done);
    EXPECT_NE(done.error().fix().find("rows of notes too"), std::string::npos);
    EXPECT_EQ(live_notes(), "1:1,9:5");
    wish.overrides.emplace("app:users/5", data::Decision::skip);
    EXPECT_TRUE(merge(std::move(wish), Merge::Mode::write)) << "the way out that is told";
}

TEST_F(InheritedReferences, ATableThatIsNowhereMayBeReferredToAsBefore) {
    both(
        "CREATE TABLE a(id INTEGER PRIMARY KEY, x INT REFERENCES nowhere(id));"
        "INSERT INTO a VALUES(1, 2), (2, NULL)");
    run_sql(live_, "DELETE FROM a");
    auto const done = merge(request(), Merge::Mode::write);
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(dump(live_), dump(before_));
}

}  // namespace
}  // namespace perdure::origin::testing
