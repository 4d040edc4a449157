#include "origin/merge/rows/rows_testing.h"

namespace perdure::origin::testing {
namespace {

/// --delete where rows that stay refer to rows that would go.
class MergeRemovals : public MergeOfTwo {
protected:
    static constexpr auto* tables =
        "CREATE TABLE users(id INTEGER PRIMARY KEY, name);"
        "CREATE TABLE notes(id INTEGER PRIMARY KEY, user_id INT REFERENCES users, body,"
        " above INT REFERENCES notes(id));"
        "INSERT INTO users VALUES(1, 'Ann'), (2, 'Bob');"
        "INSERT INTO notes VALUES(1, 1, 'a', NULL), (2, 2, 'b', NULL);";
    MergeRequest deleting(std::vector<std::string> const& selectors, data::Strategy strategy) {
        auto out = request(selectors);
        out.remove = true;
        out.strategy = strategy;
        return out;
    }
    /// What a plan says of a record: "" when it says nothing of it.
    static std::string told(Done const& plan, std::string_view record) {
        for (auto const& item : plan.items) {
            if (item.record != record) continue;
            bool const blocked = item.finding == MergeItem::Finding::blocked;
            return (blocked ? "blocked: " : "") + item.reason;
        }
        return {};
    }
    Done restored(MergeRequest const& wish) {
        auto const plan = merge(wish, Merge::Mode::read);
        EXPECT_TRUE(plan) << plan.error().message();
        auto done = merge(wish, Merge::Mode::write);
        EXPECT_TRUE(done) << done.error().message();
        if (!plan || !done) return {};
        EXPECT_EQ(plan->items.size(), done->items.size());
        return std::move(*done);
    }
    std::string ids(std::string const& table) {
        return live("SELECT group_concat(id) FROM (SELECT id FROM " + table + " ORDER BY id)");
    }
};

TEST_F(MergeRemovals, WhatARowThatStaysRefersToStaysAndTheRestGoes) {
    both(tables);
    run_sql(live_,
            "INSERT INTO users VALUES(5, 'Eve'), (6, 'Fay'), (7, 'Gil');"
            "INSERT INTO notes VALUES(9, 5, 'hers', NULL);"
            "CREATE TABLE newer(who INT REFERENCES users(id)); INSERT INTO newer VALUES(7)");
    auto const done = restored(deleting({"app:users"}, data::Strategy::overwrite));
    EXPECT_EQ(told(done, "app:users/5"), "blocked: app:notes/9 stays and refers to it");
    EXPECT_EQ(told(done, "app:users/6"), "not in the snapshot");
    EXPECT_EQ(told(done, "app:users/7"), "blocked: app:newer/1 stays and refers to it");
    EXPECT_EQ(done.table("users").blocked, 2u);
    EXPECT_EQ(done.table("users").remove, 1u);
    EXPECT_EQ(ids("users"), "1,2,5,7");
    EXPECT_EQ(ids("notes"), "1,2,9");
    // With all of it chosen both go.
    auto const whole = restored(deleting({"app:users", "app:notes"}, data::Strategy::overwrite));
    EXPECT_EQ(ids("users"), "1,2,7");
    EXPECT_EQ(ids("notes"), "1,2");
    ASSERT_TRUE(undo(live_, whole.written, whole.changes));
    EXPECT_EQ(ids("notes"), "1,2,9");
}

TEST_F(MergeRemovals, WhatStaysHoldsWhatItRefersToAndSoOn) {
    both(tables);
    // Note 1 stays as it is by its strategy, refers to 11, that to 12, that to 13 and to Eve.
    run_sql(live_,
            "INSERT INTO users VALUES(5, 'Eve'), (6, 'Fay');"
            "INSERT INTO notes VALUES(13, 6, 'top', NULL), (12, 5, 'c', 13), (11, 1, 'b', 12),"
            " (14, 6, 'alone', 14);"
            "UPDATE notes SET above = 11 WHERE id = 1");
    auto const kept = restored(deleting({}, data::Strategy::skip));
    EXPECT_EQ(told(kept, "app:notes/11"), "blocked: app:notes/1 stays and refers to it");
    EXPECT_EQ(told(kept, "app:notes/12"), "blocked: app:notes/11 stays and refers to it");
    EXPECT_EQ(told(kept, "app:notes/13"), "blocked: app:notes/12 stays and refers to it");
    EXPECT_EQ(told(kept, "app:users/6"), "blocked: app:notes/13 stays and refers to it");
    EXPECT_EQ(told(kept, "app:notes/14"), "not in the snapshot");
    EXPECT_EQ(ids("users"), "1,2,5,6");
    EXPECT_EQ(ids("notes"), "1,2,11,12,13");
    // Overwritten, note 1 refers to nothing of the kind any more.
    auto const whole = restored(deleting({}, data::Strategy::overwrite));
    EXPECT_EQ(whole.table("notes").blocked + whole.table("users").blocked, 0u);
    EXPECT_EQ(dump(live_), dump(before_));
}

TEST_F(MergeRemovals, WhatHasToStayGivesWayToNothing) {
    both(
        "CREATE TABLE users(id INTEGER PRIMARY KEY, name UNIQUE);"
        "CREATE TABLE notes(id INTEGER PRIMARY KEY, user_id INT REFERENCES users);"
        "INSERT INTO users VALUES(1, 'Ann'); INSERT INTO notes VALUES(1, 1)");
    run_sql(live_,
            "INSERT INTO users VALUES(5, 'x'); UPDATE notes SET user_id = 5;"
            "DELETE FROM users WHERE id = 1; UPDATE users SET name = 'Ann'");
    auto const done = restored(deleting({}, data::Strategy::skip));
    EXPECT_EQ(told(done, "app:users/1"),
              "blocked: name \"Ann\" belongs to app:users/5 in the target");
    EXPECT_EQ(ids("users"), "5");
    restored(deleting({}, data::Strategy::overwrite));
    EXPECT_EQ(dump(live_), dump(before_));
}

TEST_F(MergeRemovals, RecordsAreNamedByTheirKeysNotByTheirNumbers) {
    both("CREATE TABLE tags(name TEXT PRIMARY KEY, color UNIQUE); INSERT INTO tags VALUES('a', 1)");
    run_sql(live_, "UPDATE tags SET name = 'b'; INSERT INTO tags VALUES('c', 2)");
    auto const plan = merge(request(), Merge::Mode::read);
    ASSERT_TRUE(plan) << plan.error().message();
    EXPECT_EQ(told(*plan, "app:tags/a"),
              "blocked: color \"1\" belongs to app:tags/b in the target");
    auto const done = restored(deleting({}, data::Strategy::overwrite));
    EXPECT_EQ(told(done, "app:tags/b"), "not in the snapshot");
    EXPECT_EQ(told(done, "app:tags/c"), "not in the snapshot");
}

TEST_F(MergeRemovals, WhoseParentCannotComeBackStaysAwayAndTheRestComes) {
    both(
        "CREATE TABLE users(id INTEGER PRIMARY KEY, name UNIQUE);"
        "CREATE TABLE notes(id INTEGER PRIMARY KEY, user_id INT REFERENCES users);"
        "CREATE TABLE likes(note_id INT REFERENCES notes(id), n);"
        "INSERT INTO users VALUES(1, 'Ann'), (2, 'Bob'); INSERT INTO notes VALUES(1, 1), (2, 2);"
        "INSERT INTO likes VALUES(1, 'x'), (2, 'y')");
    run_sql(live_,
            "DELETE FROM likes; DELETE FROM notes; DELETE FROM users;"
            "INSERT INTO users VALUES(7, 'Ann')");
    auto const done = restored(request());
    EXPECT_EQ(told(done, "app:notes/1"), "blocked: app:users/1 does not come back");
    EXPECT_EQ(done.table("likes").blocked, 1u);
    EXPECT_EQ(ids("users"), "2,7");
    EXPECT_EQ(ids("notes"), "2");
    EXPECT_EQ(live("SELECT group_concat(n) FROM likes"), "y");
}

}  // namespace
}  // namespace perdure::origin::testing
