#include "origin/merge/rows/rows_testing.h"

namespace perdure::origin::testing {
namespace {

class MergeRows : public MergeOfTwo {
protected:
    Done write(MergeRequest wish) {
        auto plan = merge(wish, Merge::Mode::read);
        EXPECT_TRUE(plan) << plan.error().message();
        auto done = merge(std::move(wish), Merge::Mode::write);
        EXPECT_TRUE(done) << done.error().message();
        if (!plan || !done) return {};
        EXPECT_EQ(plan->items.size(), done->items.size());
        return std::move(*done);
    }
};

TEST_F(MergeRows, RowsWithoutAKeyAreFoundAfterVacuumGaveThemOtherNumbers) {
    both(
        "CREATE TABLE n(v TEXT, w); INSERT INTO n VALUES('a', 1), ('b', 2), ('c', NULL), "
        "('d', 4), ('d', 4), ('d', 4), ('e', 5)");
    run_sql(live_, "DELETE FROM n WHERE v = 'a' OR rowid = 5; INSERT INTO n VALUES('new', 9)");
    run_sql(live_, "VACUUM");
    auto const* const all = "SELECT group_concat(v, '') FROM (SELECT v FROM n ORDER BY v)";
    ASSERT_EQ(live(all), "bcddenew");
    auto const done = write(request({"app:n"}));
    EXPECT_EQ(done.table("n").create, 2u);
    EXPECT_EQ(done.table("n").identical, 5u);
    EXPECT_EQ(done.table("n").only_target, 1u);
    EXPECT_EQ(live(all), "abcdddenew");
    auto wish = request();
    wish.remove = true;
    write(std::move(wish));
    EXPECT_EQ(live(all), "abcddde");
}

TEST_F(MergeRows, RowsWhoseKeyIsNullAreMetByTheirValues) {
    both(
        "CREATE TABLE tk(k TEXT PRIMARY KEY, v);"
        "INSERT INTO tk VALUES(NULL, 4), (NULL, 5), ('a', 6), ('b', 7)");
    run_sql(live_, "UPDATE tk SET v = v * 10 WHERE v IN (5, 6)");
    auto wish = request();
    wish.remove = true;
    auto const done = write(wish);
    EXPECT_EQ(done.table("tk").chosen, 4u);
    EXPECT_EQ(done.table("tk").identical, 2u);
    auto const* const all = "SELECT group_concat(quote(k) || v) FROM (SELECT * FROM tk ORDER BY v)";
    EXPECT_EQ(live(all), "NULL4,NULL5,'a'6,'b'7");
    run_sql(live_, "DELETE FROM tk");
    write(request({"app:tk/NULL"}));
    EXPECT_EQ(live(all), "NULL4,NULL5");
}

TEST_F(MergeRows, ValuesThatChangedPlacesComeBackWhereBothRowsAreChosen) {
    both(
        "CREATE TABLE n(id INTEGER PRIMARY KEY, pos INT UNIQUE); INSERT INTO n VALUES(1, 1), "
        "(2, 2), (3, 3); CREATE TABLE other(x)");
    run_sql(live_,
            "UPDATE n SET pos = -1 WHERE id = 1; UPDATE n SET pos = 1 WHERE id = 2;"
            "UPDATE n SET pos = 2 WHERE id = 1");
    auto const* const all = "SELECT group_concat(id || pos) FROM (SELECT * FROM n ORDER BY id)";
    auto const one = merge(request({"app:n/1"}), Merge::Mode::read);
    ASSERT_TRUE(one);
    EXPECT_EQ(one->table("n").blocked, 1u) << "row 2 keeps what row 1 would take";
    write(request({"app:n/1", "app:n/2"}));
    EXPECT_EQ(live(all), "11,22,33");
    run_sql(live_, "DELETE FROM n WHERE id = 3; INSERT INTO n VALUES(9, 3)");
    auto wish = request({"app:n"});
    EXPECT_EQ(merge(wish, Merge::Mode::read)->table("n").blocked, 1u);
    wish.remove = true;
    write(wish);
    EXPECT_EQ(live(all), "11,22,33");
}

TEST_F(MergeRows, AMaskedColumnThatMustNotBeEmptyIsFilledOrBlocksTheRow) {
    both(
        "CREATE TABLE users(id INTEGER PRIMARY KEY, phone TEXT NOT NULL, n INT NOT NULL);"
        "INSERT INTO users VALUES(1, '', 0), (2, '', 0);"
        "CREATE TABLE keys(id INTEGER PRIMARY KEY, token TEXT NOT NULL UNIQUE);"
        "INSERT INTO keys VALUES(1, '1')");
    run_sql(live_,
            "DELETE FROM users WHERE id = 2; UPDATE users SET phone = '111'; DELETE FROM keys");
    auto wish = request();
    wish.snapshot.mask = {{"users.phone", "drop"}, {"users.n", "drop"}, {"keys.token", "drop"}};
    auto const done = write(std::move(wish));
    EXPECT_EQ(live("SELECT group_concat(id || quote(phone) || n) FROM users"), "1'111'0,2''0");
    EXPECT_EQ(done.table("keys").blocked, 1u);
}

TEST_F(MergeRows, EveryKeyThatAPlanNamesCanBeSelected) {
    both(
        "CREATE TABLE note(id BLOB PRIMARY KEY, v); INSERT INTO note VALUES(x'0011ff', 1);"
        "CREATE TABLE pair(a INTEGER, b TEXT, c BLOB, v, PRIMARY KEY(a, b, c));"
        "INSERT INTO pair VALUES(3, '17/x', x'aa', 1), (3, '', x'', 2);"
        "CREATE TABLE t(k TEXT PRIMARY KEY, v); INSERT INTO t VALUES('a/b', 1), ('', 2), "
        "('NULL', 4), ('it''s', 5), (NULL, 6), ('x''00''', 3);"
        "CREATE TABLE u(k PRIMARY KEY, v); INSERT INTO u VALUES(17, 1), (x'17', 2);"
        "CREATE TABLE d(k REAL PRIMARY KEY, v); INSERT INTO d VALUES(0.1, 1), (1e300, 2);"
        "CREATE TABLE w(a, b, PRIMARY KEY(a, b)) WITHOUT ROWID; INSERT INTO w VALUES(1, x'00')");
    run_sql(live_,
            "DELETE FROM note; DELETE FROM pair; DELETE FROM t; DELETE FROM u; DELETE FROM d; "
            "DELETE FROM w");
    auto const plan = merge(request(), Merge::Mode::read);
    ASSERT_TRUE(plan) << plan.error().message();
    ASSERT_EQ(plan->items.size(), 14u);
    for (auto const& item : plan->items) {
        auto const one = merge(request({item.record}), Merge::Mode::read);
        ASSERT_TRUE(one) << one.error().message();
        ASSERT_EQ(one->items.size(), 1u) << item.record;
        EXPECT_EQ(one->items[0].record, item.record);
    }
}

TEST_F(MergeRows, ATableThatOnlyTheApplicationCanWriteBlocksNothingElse) {
    std::string columns = "id INTEGER PRIMARY KEY";
    for (int i = 1; i < 1999; ++i) columns += ", c" + std::to_string(i);
    both("CREATE TABLE wide(" + columns +
         "); INSERT INTO wide(id, c5) VALUES(1, 'x'), (2, 'y');"
         "CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES(1, 'x');"
         "CREATE TABLE f(id INTEGER PRIMARY KEY, v); INSERT INTO f VALUES(1, 'x')");
    for (auto const& path : {before_, live_}) {
        auto database = open_for_writing(path);
        sqlite3_create_function(
            database.get(), "appfn", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, nullptr,
            [](sqlite3_context* context, int, sqlite3_value** values) {
                sqlite3_result_value(context, values[0]);
            },
            nullptr, nullptr);
        ASSERT_TRUE(database.run("CREATE INDEX by_fn ON f(appfn(v))"));
        if (path == live_) {
            ASSERT_TRUE(database.run("UPDATE f SET v = 'y'"));
        }
    }
    run_sql(live_, "UPDATE t SET v = 'y'");
    auto const first = write(request());
    EXPECT_EQ(live("SELECT v FROM t"), "x");
    EXPECT_EQ(first.table("wide").blocked, 0u) << "it is the same on both sides";
    EXPECT_EQ(first.table("f").blocked, 1u);
    ASSERT_FALSE(first.items.empty());
    EXPECT_NE(first.items.back().reason.find("appfn()"), std::string::npos);
    run_sql(live_, "UPDATE wide SET c5 = 'z' WHERE id = 2; UPDATE t SET v = 'y'");
    auto const second = write(request());
    EXPECT_EQ(live("SELECT v FROM t"), "x");
    EXPECT_EQ(second.table("wide").blocked, 1u);
}

TEST_F(MergeRows, TextsOfUtf16ComeBackAsTheyWereWhateverStandsInTheirPlace) {
    for (std::string const encoding : {"UTF-16le", "UTF-16be"}) {
        std::filesystem::remove(before_);
        std::filesystem::remove(live_);
        both("PRAGMA encoding = '" + encoding +
             "'; CREATE TABLE t(k TEXT PRIMARY KEY, v TEXT);"
             "INSERT INTO t VALUES('ä', 'Änne'), ('b', 'other'), ('c', 'gone')");
        run_sql(live_,
                "UPDATE t SET v = NULL WHERE k = 'ä'; UPDATE t SET v = 'ö' WHERE k = 'b';"
                "DELETE FROM t WHERE k = 'c'");
        auto const was = dump(live_);
        auto const done = write(request());
        EXPECT_EQ(dump(live_), dump(before_));
        auto const back = undo(live_, done.written, done.changes);
        ASSERT_TRUE(back) << back.error().message();
        EXPECT_EQ(dump(live_), was);
    }
}

}  // namespace
}  // namespace perdure::origin::testing
