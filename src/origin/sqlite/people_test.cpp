#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <atomic>
#include <fstream>
#include <set>
#include <thread>

#include "data/value.h"
#include "origin/sqlite/testing.h"

namespace perdure::origin::testing {

namespace {

class SqlitePeople : public ::testing::Test {
protected:
    SqlitePeople() : scratch_(std::move(*system::ScratchFolder::create())) {
        std::filesystem::create_directories(scratch_.path() / "in/media");
        source_ = {.name = "app", .type = "sqlite", .path = scratch_.path() / "in/app.db"};
        source_.mapping.subjects = {.table = "users", .key = "id"};
    }
    void write(std::string const& sql) {
        auto connection = open_for_writing(source_.path);
        auto const done = connection.run("PRAGMA synchronous=OFF;" + sql);
        ASSERT_TRUE(done) << done.error().message();
    }
    void file(std::string const& path, std::string const& text) {
        std::filesystem::create_directories((source_.media / path).parent_path());
        std::ofstream(source_.media / path) << text;
    }
    /// The subjects of a table's rows in key order, "-" for nobody: "1 1 - 2".
    std::string subjects_of(std::string_view table) {
        auto const snapshot = take(source_);
        if (!snapshot) return snapshot.error().message();
        std::string out;
        for (auto const& row : snapshot->rows_of(table)) out += name_of(row.subject) + " ";
        if (!out.empty()) out.pop_back();
        return out;
    }
    static std::string name_of(ByteView subject) {
        if (subject.empty()) return "-";
        Decoder in(subject);
        auto const value = data::decode_value(in);
        if (auto const* number = std::get_if<std::int64_t>(&*value)) return std::to_string(*number);
        if (auto const* text = std::get_if<data::Text>(&*value)) return text->bytes;
        return "?";
    }
    system::ScratchFolder scratch_;
    SourceOptions source_;
};

constexpr char const* users =
    "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT, manager REFERENCES users);"
    "INSERT INTO users VALUES(1, 'Ann', NULL), (2, 'Bob', 1), (3, 'Cyd', 1);";

}  // namespace

TEST_F(SqlitePeople, RowsFollowForeignKeysOverSeveralTables) {
    write(std::string(users) +
          "CREATE TABLE posts(id INTEGER PRIMARY KEY, user_id REFERENCES users(id));"
          "CREATE TABLE comments(id INTEGER PRIMARY KEY, post INT REFERENCES posts);"
          "CREATE TABLE likes(comment REFERENCES comments(id), PRIMARY KEY(comment)) WITHOUT ROWID;"
          "CREATE TABLE tags(name); INSERT INTO tags VALUES('x');"
          "INSERT INTO posts VALUES(10, 1), (11, 2), (12, NULL), (13, 99);"
          "INSERT INTO comments VALUES(20, 10), (21, 11), (22, 12), (23, 13), (24, 77);"
          "INSERT INTO likes VALUES(20), (21), (24);");
    EXPECT_EQ(subjects_of("users"), "1 2 3");
    EXPECT_EQ(subjects_of("posts"), "1 2 - 99");
    EXPECT_EQ(subjects_of("comments"), "1 2 - 99 -");
    EXPECT_EQ(subjects_of("likes"), "1 2 -");
    EXPECT_EQ(subjects_of("tags"), "-");
}

TEST_F(SqlitePeople, RowsOfNobodyThatNameSomebodyElsewhereAreCounted) {
    write(std::string(users) +
          "CREATE TABLE letters(id INTEGER PRIMARY KEY, reader REFERENCES users, "
          "user_id REFERENCES users);"
          "CREATE TABLE drafts(user_id REFERENCES users, reader REFERENCES users, n, "
          "PRIMARY KEY(n)) WITHOUT ROWID;"
          "INSERT INTO letters VALUES(1, 1, 2), (2, 3, NULL), (3, NULL, NULL), (4, 99, NULL);"
          "INSERT INTO drafts VALUES(1, NULL, 1), (2, 3, 2);");
    EXPECT_EQ(subjects_of("letters"), "2 - - -");
    auto const snapshot = take(source_);
    ASSERT_TRUE(snapshot);
    ASSERT_EQ(snapshot->problems.size(), 1U) << "of drafts each row has its owner";
    EXPECT_EQ(snapshot->problems[0].path, "letters");
    EXPECT_EQ(snapshot->problems[0].reason.substr(0, 14), "2 of its rows ");
    source_.mapping.subjects->owners = {{"letters", "user_id"}};
    EXPECT_TRUE(take(source_)->problems.empty()) << "it was decided so";
}

TEST_F(SqlitePeople, RowsOfNobodyThatLeadToSomebodyOverAnotherTableAreCounted) {
    write(std::string(users) +
          "CREATE TABLE devices(id INTEGER PRIMARY KEY, owner_id REFERENCES users);"
          "CREATE TABLE notes(id INTEGER PRIMARY KEY, user_id REFERENCES users, "
          "device_id REFERENCES devices, answer_to REFERENCES notes);"
          "INSERT INTO devices VALUES(1, 2), (2, NULL);"
          "INSERT INTO notes VALUES(1, 1, 1, NULL), (2, NULL, 1, NULL), (3, NULL, 2, NULL), "
          "(4, NULL, NULL, 1);");
    EXPECT_EQ(subjects_of("notes"), "1 - - -");
    auto const snapshot = take(source_);
    ASSERT_TRUE(snapshot);
    ASSERT_EQ(snapshot->problems.size(), 1U);
    EXPECT_EQ(snapshot->problems[0].path, "notes");
    EXPECT_EQ(snapshot->problems[0].reason.substr(0, 14), "1 of its rows ");
    EXPECT_NE(snapshot->problems[0].reason.find("\"device_id -> devices\""), std::string::npos);
    for (std::string const rule : {"device_id -> devices", "user_id"}) {
        source_.mapping.subjects->owners = {{"notes", rule}};
        auto const decided = take(source_);
        ASSERT_TRUE(decided);
        EXPECT_TRUE(decided->problems.empty()) << "whoever decides is not asked again";
        EXPECT_EQ(subjects_of("notes"), rule == "user_id" ? "1 - - -" : "2 2 - -");
    }
}

TEST_F(SqlitePeople, OfTwoEquallyShortWaysTheOwnersWins) {
    write(std::string(users) +
          "CREATE TABLE messages(reader_id REFERENCES users, author_id REFERENCES users);"
          "CREATE TABLE pairs(x REFERENCES users, y REFERENCES users);"
          "INSERT INTO messages VALUES(1, 2); INSERT INTO pairs VALUES(3, 1);");
    EXPECT_EQ(subjects_of("messages"), "2");
    EXPECT_EQ(subjects_of("pairs"), "3");  // the one declared first
}

TEST_F(SqlitePeople, CompositeKeysAndSelfReferencesLeadHome) {
    write(std::string(users) +
          "CREATE TABLE albums(owner_id REFERENCES users, n INT, PRIMARY KEY(owner_id, n));"
          "CREATE TABLE photos(id INTEGER PRIMARY KEY, o INT, n INT, next REFERENCES photos,"
          " FOREIGN KEY(o, n) REFERENCES albums(owner_id, n));"
          "INSERT INTO albums VALUES(1, 1), (2, 1);"
          "INSERT INTO photos VALUES(1, 2, 1, NULL), (2, 1, 1, 1), (3, 1, 2, 1);");
    EXPECT_EQ(subjects_of("photos"), "2 1 -");
}

TEST_F(SqlitePeople, OwnersOfTheMappingBeatTheForeignKeys) {
    write(std::string(users) +
          "CREATE TABLE devices(serial TEXT, person INT);"
          "CREATE TABLE readings(device TEXT, at INT, user_id REFERENCES users);"
          "CREATE TABLE logs(who INT);"
          "INSERT INTO devices VALUES('d1', 2), ('d2', 3);"
          "INSERT INTO readings VALUES('d1', 1, 1), ('d2', 2, 1), ('gone', 3, 1);"
          "INSERT INTO logs VALUES(1), (3), (9);");
    source_.mapping.subjects->owners = {
        {"devices", "person"}, {"readings", "device -> devices.serial"}, {"logs", "who"}};
    EXPECT_EQ(subjects_of("readings"), "2 3 -");
    EXPECT_EQ(subjects_of("logs"), "1 3 9");
}

TEST_F(SqlitePeople, KeysThatOnlyTheApplicationCanSortLeadToTheirPeople) {
    {
        auto connection = open_for_writing(source_.path);
        auto const backwards = [](void*, int na, void const* a, int nb, void const* b) {
            int const order = std::memcmp(a, b, static_cast<std::size_t>(std::min(na, nb)));
            return order != 0 ? -order : nb - na;
        };
        sqlite3_create_collation_v2(connection.get(), "backwards", SQLITE_UTF8, nullptr, backwards,
                                    nullptr);
        ASSERT_TRUE(connection.run(
            "CREATE TABLE users(id TEXT COLLATE backwards PRIMARY KEY);"
            "CREATE TABLE notes(id TEXT COLLATE backwards PRIMARY KEY, who REFERENCES users);"
            "CREATE TABLE words(note REFERENCES notes);"
            "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 14)"
            "INSERT INTO users SELECT 'u' || i FROM n;"
            "INSERT INTO notes SELECT 'n' || substr(id, 2), id FROM users ORDER BY rowid;"
            "INSERT INTO words SELECT id FROM notes ORDER BY rowid;"));
    }
    EXPECT_EQ(subjects_of("notes"), "u10 u11 u12 u13 u14");
    EXPECT_EQ(subjects_of("words"), "u10 u11 u12 u13 u14");
}

TEST_F(SqlitePeople, ARecordThatSaysWhoseItIsIsTheirs) {
    write(std::string(users) +
          "CREATE TABLE notes(id INTEGER PRIMARY KEY, who INT, topic INT);"
          "CREATE TABLE topics(id INTEGER PRIMARY KEY, lead INT);"
          "CREATE TABLE files(id INTEGER PRIMARY KEY, topic INT);"
          "INSERT INTO topics VALUES(1, 3); INSERT INTO notes VALUES(1, 2, 1), (2, 1, 1);"
          "INSERT INTO files VALUES(1, 1);");
    EXPECT_EQ(subjects_of("notes"), "- -");
    source_.mapping.records = {{"note", "notes", {{"subject", "who"}}},
                               {"topic", "topics", {{"subject", "lead -> users.id"}}},
                               {"file", "files", {{"subject", "topic -> topics.lead"}}}};
    EXPECT_EQ(subjects_of("notes"), "2 1");
    EXPECT_EQ(subjects_of("topics"), "3");
    EXPECT_EQ(subjects_of("files"), "3");
}

TEST_F(SqlitePeople, WhatRecordsAttachIsFoundBesideKeysWithoutAnIndex) {
    write(
        "CREATE TABLE users(email TEXT, name TEXT); INSERT INTO users VALUES('a@x', 'Ann');"
        "CREATE TABLE memories(id INTEGER PRIMARY KEY, owner TEXT, title TEXT);"
        "CREATE TABLE memory_tags(memory_id INT, tag_id INT);"
        "CREATE TABLE tags(id INTEGER PRIMARY KEY, name TEXT);"
        "INSERT INTO memories VALUES(1, 'a@x', 't'); INSERT INTO tags VALUES(1, 'sea');"
        "INSERT INTO memory_tags VALUES(1, 1);");
    source_.mapping.subjects = {
        .table = "users", .key = "email", .owners = {{"memories", "owner"}}};
    source_.mapping.records = {
        {"memory",
         "memories",
         {{"title", "title"}, {"tags", "memory_tags(memory_id, tag_id) -> tags.name"}}}};
    EXPECT_EQ(subjects_of("memories"), "a@x");
    EXPECT_EQ(subjects_of("memory_tags"), "a@x");
}

TEST_F(SqlitePeople, LinkTablesOfRecordsFollowTheirRecordsWithoutForeignKeys) {
    write(std::string(users) +
          "CREATE TABLE memories(id INTEGER PRIMARY KEY, user_id REFERENCES users);"
          "CREATE TABLE memory_tags(memory_id INT, tag TEXT);"
          "INSERT INTO memories VALUES(5, 1), (6, 2); INSERT INTO memory_tags VALUES(6, 'a'), "
          "(5, 'b'), (7, 'c');");
    source_.mapping.records = {{"memory", "memories", {{"tags", "memory_tags(memory_id).tag"}}}};
    EXPECT_EQ(subjects_of("memory_tags"), "2 1 -");
}

TEST_F(SqlitePeople, TextKeysAndNamesInAnyCaseWork) {
    write(
        "CREATE TABLE People(Uuid TEXT PRIMARY KEY, n); INSERT INTO People VALUES('u-1', 1);"
        "CREATE TABLE notes(p REFERENCES PEOPLE); INSERT INTO notes VALUES('u-1'), ('u-2');");
    source_.mapping.subjects = {.table = "people", .key = "UUID"};
    EXPECT_EQ(subjects_of("notes"), "u-1 u-2");
}

TEST_F(SqlitePeople, PeopleWithoutAKeyAndPeopleWhoShareOneAreNamed) {
    write(
        "CREATE TABLE users(id INTEGER PRIMARY KEY, mail TEXT COLLATE NOCASE, badge TEXT);"
        "INSERT INTO users VALUES(1, 'a@x', 'r'), (2, NULL, 'r'), (3, 'A@x', 's'), (4, NULL, "
        "'s');");
    auto const problems = [&](char const* key) {
        source_.mapping.subjects->key = key;
        auto const snapshot = take(source_);
        if (!snapshot) return snapshot.error().message();
        std::string told;
        for (auto const& problem : snapshot->problems) {
            told += problem.path + ": " + problem.reason.substr(0, problem.reason.find(':')) + "|";
        }
        return told;
    };
    EXPECT_EQ(problems("id"), "");
    EXPECT_EQ(problems("mail"), "users: 2 of its rows have no mail|");
    EXPECT_EQ(problems("badge"), "users: 2 values of badge stand in several rows|");
}

TEST_F(SqlitePeople, AMappingThatNamesNothingIsRefusedWithTheName) {
    write(users);
    source_.mapping.subjects->key = "uid";
    auto const refused = take(source_);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().fault(), Fault::invalid);
    EXPECT_NE(refused.error().message().find("\"uid\""), std::string::npos);
}

TEST_F(SqlitePeople, MediaBelongToThePersonWhoseRowNamesThem) {
    source_.media = scratch_.path() / "in/media";
    file("a/1.jpg", "one");
    file("a/2.jpg", "two");
    file("shared.png", "both");
    file("stray.txt", "nobody's");
    write(std::string(users) +
          "CREATE TABLE memories(id INTEGER PRIMARY KEY, user_id REFERENCES users);"
          "CREATE TABLE media(memory_id INT, path TEXT);"
          "INSERT INTO memories VALUES(5, 1), (6, 2);"
          "INSERT INTO media VALUES(5, 'a/1.jpg'), (6, './media/a/2.jpg'), (5, 'shared.png'),"
          "(6, 'shared.png'), (6, 'lost.gif'), (6, 'https://example.org/x.png'), (5, NULL);");
    source_.mapping.records = {{"memory", "memories", {{"media", "media(memory_id).path"}}}};
    auto const snapshot = take(source_);
    ASSERT_TRUE(snapshot) << snapshot.error().message();
    std::string owners;
    for (auto const& row : snapshot->rows) {
        if (row.table != data::media_table) continue;
        owners += to_string(row.key) + "=" + name_of(row.subject) + " ";
    }
    EXPECT_EQ(owners, "=- a=- a/1.jpg=1 a/2.jpg=2 shared.png=- stray.txt=- ");
    ASSERT_EQ(snapshot->problems.size(), 1U);
    EXPECT_EQ(snapshot->problems[0].path, "lost.gif");

    ASSERT_TRUE(put_back(source_, *snapshot, scratch_.path() / "out"));
    auto const there = relocated(source_, scratch_.path() / "out");
    EXPECT_EQ((*open_sqlite(there))->digest({})->hash, snapshot->digest.hash);
    std::ifstream in(there.media / "a/2.jpg");
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "two");
}

TEST_F(SqlitePeople, MediaThatRowsNameOutsideTheFolderAreNamed) {
    source_.media = scratch_.path() / "in/media";
    std::string const in = (scratch_.path() / "in").string();
    file("../outside.jpg", "out");
    file("../disk2/2024/y.jpg", "y");
    file("../disk2/one.jpg", "one");
    file("../elsewhere/abs.jpg", "a");
    file("inner/kept.jpg", "k");
    file("abs.jpg", "a");
    file("sub.jpg", "s");
    std::filesystem::create_symlink("../disk2/2024", source_.media / "2024");
    std::filesystem::create_symlink("../disk2/one.jpg", source_.media / "one.jpg");
    std::filesystem::create_symlink("inner", source_.media / "link");
    std::filesystem::create_symlink("nowhere", source_.media / "dangling.jpg");
    file("old.tmp", "t");
    write(
        "CREATE TABLE m(id INTEGER PRIMARY KEY, path TEXT);"
        "INSERT INTO m(path) VALUES('../outside.jpg'), ('2024/y.jpg'), ('one.jpg'), ('" +
        in + "/media/abs.jpg'), ('" + in +
        "/elsewhere/abs.jpg'), ('link/kept.jpg'),"
        "('../media/sub.jpg'), ('dangling.jpg'), ('old.tmp'), ('/0lost/x.jpg'),"
        "('https://example.org/../x.png')");
    source_.mapping = {};
    source_.mapping.records = {{"m", "m", {{"media", "path"}}}};
    source_.exclude = {"*.tmp"};
    auto const snapshot = take(source_);
    ASSERT_TRUE(snapshot) << snapshot.error().message();
    std::string told;
    for (auto const& [path, reason] : snapshot->problems)
        told += path + ": " + reason.substr(0, reason.find_first_of(":;,")) + "\n";
    EXPECT_EQ(told,
              "../outside.jpg: lies outside the media folder\n"
              "/0lost/x.jpg: the media file is missing\n" +
                  in +
                  "/elsewhere/abs.jpg: lies outside the media folder\n"
                  "2024/y.jpg: is a link out of the media folder\n"
                  "dangling.jpg: is a link that leads to no file\n"
                  "one.jpg: is a link out of the media folder\n");
    for (auto const& row : snapshot->rows) EXPECT_NE(to_string(row.key), "old.tmp");
}

TEST_F(SqlitePeople, AFolderOfOnePersonsMediaIsTheirsAsItsNameMayBe) {
    source_.media = scratch_.path() / "in/media";
    file("ann@example.org/trips/1.jpg", "one");
    file("ann@example.org/2.jpg", "two");
    file("both/ann/3.jpg", "three");
    file("both/bob/4.jpg", "four");
    file("loose/5.jpg", "five");
    ASSERT_EQ(::chmod((source_.media / "ann@example.org").c_str(), 0750), 0);
    write(std::string(users) +
          "CREATE TABLE media(id INTEGER PRIMARY KEY, user_id REFERENCES users, path TEXT);"
          "INSERT INTO media(user_id, path) VALUES(1, 'ann@example.org/trips/1.jpg'),"
          "(1, 'ann@example.org/2.jpg'), (1, 'both/ann/3.jpg'), (2, 'both/bob/4.jpg'),"
          "(NULL, 'loose/5.jpg')");
    auto const snapshot = take(source_);
    ASSERT_TRUE(snapshot) << snapshot.error().message();
    std::string owners;
    for (auto const& row : snapshot->rows) {
        if (row.table != data::media_table || to_string(row.key).ends_with("jpg")) continue;
        owners += to_string(row.key) + "=" + name_of(row.subject) + " ";
    }
    EXPECT_EQ(owners,
              "=- ann@example.org=1 ann@example.org/trips=1 both=- both/ann=1 both/bob=2 loose=- ");
    ASSERT_TRUE(put_back(source_, *snapshot, scratch_.path() / "out"));
    auto const there = relocated(source_, scratch_.path() / "out");
    struct stat status{};
    ASSERT_EQ(::stat((there.media / "ann@example.org").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777u, 0750u);
}

TEST_F(SqlitePeople, TheMediaFolderItselfComesBackWithItsModeTimeAndAttributes) {
    source_.media = scratch_.path() / "in/media";
    write(users);
    ASSERT_EQ(::chmod(source_.media.c_str(), 02750), 0);
    bool const attributes = ::setxattr(source_.media.c_str(), "user.owner", "album", 5, 0) == 0;
    timespec const times[2] = {{1'500'000'000, 1}, {1'400'000'000, 987'654'321}};
    ASSERT_EQ(::utimensat(AT_FDCWD, source_.media.c_str(), times, 0), 0);
    auto const snapshot = take(source_);
    ASSERT_TRUE(snapshot) << snapshot.error().message();
    ASSERT_TRUE(put_back(source_, *snapshot, scratch_.path() / "out"));
    auto const there = relocated(source_, scratch_.path() / "out");
    struct stat status{};
    ASSERT_EQ(::stat(there.media.c_str(), &status), 0) << "an empty media folder was left out";
    EXPECT_EQ(status.st_mode & 07777, 02750U);
    EXPECT_EQ(status.st_mtim.tv_sec, 1'400'000'000);
    EXPECT_EQ(status.st_mtim.tv_nsec, 987'654'321);
    if (attributes) {
        char value[16] = {};
        EXPECT_EQ(::getxattr(there.media.c_str(), "user.owner", value, sizeof value), 5);
        EXPECT_STREQ(value, "album");
    }
    EXPECT_EQ((*open_sqlite(there))->digest({})->hash, snapshot->digest.hash);
}

TEST_F(SqlitePeople, MediaColumnsAreFoundWhereTheMappingNamesNone) {
    source_.media = scratch_.path() / "in/media";
    file("x.jpg", "x");
    write(std::string(users) +
          "CREATE TABLE pics(user_id REFERENCES users, f TEXT);"
          "INSERT INTO pics VALUES(3, '/srv/old/media/x.jpg')");
    auto const snapshot = take(source_);
    ASSERT_TRUE(snapshot);
    EXPECT_EQ(name_of(snapshot->rows.back().subject), "3");
}

TEST_F(SqlitePeople, FullTextIndexesOverPeoplesRowsAreRebuiltNotStored) {
    write(std::string(users) +
          "CREATE TABLE notes(id INTEGER PRIMARY KEY, user_id REFERENCES users, body TEXT);"
          "CREATE VIRTUAL TABLE notes_fts USING fts5(body, content='notes', content_rowid='id');"
          "CREATE VIRTUAL TABLE notes4 USING fts4(content='notes', body);"
          "CREATE VIRTUAL TABLE bare USING fts5(body, content='');"
          "INSERT INTO notes VALUES(1, 1, 'unmistakable elephant'), (2, 2, 'other');"
          "INSERT INTO notes4(notes4) VALUES('rebuild');"
          "INSERT INTO bare(rowid, body) SELECT id, body FROM notes;"
          "INSERT INTO notes_fts(rowid, body) SELECT id, body FROM notes;");
    auto const snapshot = take(source_);
    ASSERT_TRUE(snapshot);
    for (auto const& row : snapshot->rows) {
        if (!row.subject.empty()) continue;
        EXPECT_EQ(as_text(row.payload).find("lephant"), std::string_view::npos);
    }
    auto const problems = put_back(source_, *snapshot, scratch_.path() / "out");
    ASSERT_TRUE(problems);
    ASSERT_TRUE(problems->empty()) << problems->front().reason;
    auto const there = relocated(source_, scratch_.path() / "out");
    EXPECT_EQ((*open_sqlite(there))->digest({})->hash, snapshot->digest.hash);
    ASSERT_EQ(snapshot->problems.size(), 1U);
    EXPECT_EQ(snapshot->problems[0].path, "bare");
    auto connection = open_for_writing(there.path);
    EXPECT_EQ(*connection.text("SELECT rowid FROM notes4 WHERE notes4 MATCH 'elephant'"), "1");
    EXPECT_EQ(*connection.text("SELECT count(*) FROM bare WHERE bare MATCH 'elephant'"), "0");
    EXPECT_EQ(*connection.text("SELECT rowid FROM notes_fts WHERE notes_fts MATCH 'elephant'"),
              "1");
}

TEST_F(SqlitePeople, AnRTreeWithoutPlacesYetComesBackUsable) {
    write(std::string(users) + "CREATE VIRTUAL TABLE spots USING rtree(id, x0, x1)");
    auto const snapshot = take(source_);
    ASSERT_TRUE(snapshot) << snapshot.error().message();
    auto const problems = put_back(source_, *snapshot, scratch_.path() / "out");
    ASSERT_TRUE(problems) << problems.error().message();
    auto const there = relocated(source_, scratch_.path() / "out");
    EXPECT_EQ((*open_sqlite(there))->digest({})->hash, snapshot->digest.hash);
    EXPECT_TRUE((*open_sqlite(there))->check({})->empty());
    auto connection = open_for_writing(there.path);
    EXPECT_TRUE(connection.run("INSERT INTO spots VALUES(1, 2, 3)"));
    EXPECT_EQ(*connection.text("SELECT rtreecheck('spots')"), "ok");
}

TEST_F(SqlitePeople, PlacesInAnRTreeBelongToThosePeopleWhoseTheyAre) {
    write(std::string(users) +
          "CREATE TABLE places(id INTEGER PRIMARY KEY, user_id REFERENCES users, name TEXT);"
          "CREATE VIRTUAL TABLE places_at USING rtree(id, x0, x1, y0, y1, +note);"
          "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) "
          "INSERT INTO places SELECT i * 3, 1 + i % 3, 'p' || i FROM n;"
          "INSERT INTO places_at SELECT id, id * 0.5, id * 0.5 + 0.25, -id, 1 - id, "
          "'unmistakable ' || user_id FROM places;"
          "CREATE VIRTUAL TABLE grid USING rtree_i32(id, a0, a1);"
          "INSERT INTO grid VALUES(-5, 1, 2), (7, -2147483648, 2147483647);");
    auto const snapshot = take(source_);
    ASSERT_TRUE(snapshot) << snapshot.error().message();
    ASSERT_EQ(snapshot->rows_of("places_at").size(), 400U);
    std::size_t number = 1;
    for (auto const& row : snapshot->rows_of("places_at")) {
        EXPECT_EQ(name_of(row.subject), std::to_string(1 + number++ % 3));
    }
    for (auto const& row : snapshot->rows) {
        if (!row.subject.empty()) continue;
        EXPECT_EQ(as_text(row.payload).find("unmistakable"), std::string_view::npos);
    }
    EXPECT_TRUE(snapshot->rows_of("places_at_node").empty());
    EXPECT_TRUE(snapshot->rows_of("places_at_rowid").empty());
    ASSERT_EQ(snapshot->problems.size(), 1U) << "nobody is known for the grid, and that is said";
    EXPECT_EQ(snapshot->problems[0].path, "grid");

    auto const problems = put_back(source_, *snapshot, scratch_.path() / "out");
    ASSERT_TRUE(problems) << problems.error().message();
    EXPECT_TRUE(problems->empty()) << problems->front().path << problems->front().reason;
    auto const there = relocated(source_, scratch_.path() / "out");
    EXPECT_EQ((*open_sqlite(there))->digest({})->hash, snapshot->digest.hash);
    EXPECT_TRUE((*open_sqlite(there))->check({})->empty());
    auto connection = open_for_writing(there.path);
    for (char const* table : {"places_at", "grid"}) {
        EXPECT_EQ(*connection.text(std::string("SELECT rtreecheck('") + table + "')"), "ok");
    }
    EXPECT_TRUE(connection.run("ATTACH '" + source_.path.string() + "' AS source"));
    for (char const* query : {"places_at WHERE x0 > 100 AND x1 < 200", "places_at", "grid"}) {
        std::string const here = std::string("SELECT * FROM main.") + query,
                          theirs = std::string("SELECT * FROM source.") + query;
        EXPECT_EQ(*connection.text("SELECT count(*) FROM (" + here + " EXCEPT " + theirs + ")"),
                  "0");
        EXPECT_EQ(*connection.text("SELECT count(*) FROM (" + theirs + " EXCEPT " + here + ")"),
                  "0");
    }
    EXPECT_TRUE(
        connection.run("DELETE FROM places_at WHERE id = 300;"
                       "INSERT INTO places_at VALUES(5000, 1, 2, 3, 4, 'new')"));
    EXPECT_EQ(*connection.text("SELECT rtreecheck('places_at')"), "ok");
}

TEST_F(SqlitePeople, ADamagedRTreeIsToldByTheCheck) {
    write(
        "CREATE VIRTUAL TABLE r USING rtree(id, x0, x1); INSERT INTO r VALUES(1, 0, 1), (2, 3, 4);"
        "UPDATE r_rowid SET nodeno = 9 WHERE rowid = 2");
    source_.mapping.subjects.reset();
    auto const found = (*open_sqlite(source_))->check({});
    ASSERT_TRUE(found) << found.error().message();
    ASSERT_FALSE(found->empty());
    EXPECT_NE(found->front().reason.find("R-Tree r"), std::string::npos);
}

TEST_F(SqlitePeople, TextsThatAFullTextTableKeepsForItselfBelongToThoseWhoWroteThem) {
    write(std::string(users) +
          "CREATE TABLE notes(id INTEGER PRIMARY KEY, user_id REFERENCES users, body TEXT);"
          "CREATE VIRTUAL TABLE search USING fts5(body);"
          "CREATE TRIGGER feed AFTER INSERT ON notes BEGIN INSERT INTO search(rowid, body) "
          "VALUES(NEW.id, NEW.body); END;"
          "CREATE VIRTUAL TABLE named USING fts4(body);"
          "CREATE VIRTUAL TABLE stray USING fts5(body); INSERT INTO stray VALUES('whose?');"
          "INSERT INTO notes VALUES(7, 1, 'elephant'), (8, 2, 'other');"
          "INSERT INTO named(docid, body) VALUES(8, 'elephants too');");
    source_.mapping.subjects->owners = {{"named", "rowid -> notes"}};
    EXPECT_EQ(subjects_of("search_content"), "1 2");
    EXPECT_EQ(subjects_of("named_content"), "2");
    auto const snapshot = take(source_);
    ASSERT_TRUE(snapshot);
    ASSERT_EQ(snapshot->problems.size(), 1U);
    EXPECT_EQ(snapshot->problems[0].path, "stray");
    auto const problems = put_back(source_, *snapshot, scratch_.path() / "out");
    ASSERT_TRUE(problems);
    EXPECT_TRUE(problems->empty());
    auto const there = relocated(source_, scratch_.path() / "out");
    EXPECT_EQ((*open_sqlite(there))->digest({})->hash, snapshot->digest.hash);
    auto connection = open_for_writing(there.path);
    EXPECT_EQ(*connection.text("SELECT rowid FROM search WHERE search MATCH 'elephant'"), "7");
    EXPECT_EQ(*connection.text("SELECT docid FROM named WHERE named MATCH 'too'"), "8");
}

TEST_F(SqlitePeople, ASnapshotTakenWhileOthersWriteKeepsTheirInvariant) {
    write(
        "PRAGMA journal_mode=WAL; CREATE TABLE users(id INTEGER PRIMARY KEY);"
        "CREATE TABLE account(id INTEGER PRIMARY KEY, cents INT, filler TEXT);"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
        "INSERT INTO account SELECT i, 100, hex(randomblob(50)) FROM n;");
    std::atomic<bool> stop = false;
    std::atomic<int> transfers = 0;
    std::jthread const writer([&] {
        auto connection = open_for_writing(source_.path);
        (void)connection.run("PRAGMA synchronous=OFF; PRAGMA wal_autocheckpoint=20");
        for (int at = 0; !stop; ++at) {
            auto const from = std::to_string(1 + at % 5000);
            auto const to = std::to_string(5000 - at * 7 % 5000);
            if (connection.run(
                    "BEGIN IMMEDIATE; UPDATE account SET cents = cents - 7 WHERE id = " + from +
                    "; UPDATE account SET cents = cents + 7 WHERE id = " + to + "; COMMIT")) {
                ++transfers;
            }
        }
    });
    for (int round = 0; round < 8; ++round) {
        while (transfers < (round + 1) * 20) std::this_thread::yield();
        auto const snapshot = take(source_);
        ASSERT_TRUE(snapshot) << snapshot.error().message();
        std::int64_t sum = 0;
        for (auto const& row : snapshot->rows_of("account")) {
            Decoder in(row.payload);
            (void)data::decode_value(in);
            sum += std::get<std::int64_t>(*data::decode_value(in));
        }
        EXPECT_EQ(sum, 500'000);
    }
    stop = true;
}

TEST_F(SqlitePeople, PersonsOfARealSocialNetworkOwnWhatTheyWrote) {
    if (shared_data().empty()) GTEST_SKIP() << "no ../shared/data on this machine";
    std::filesystem::copy_file(shared_data() / "sqlite/ldbc_snb_social/ldbc_snb.sqlite",
                               source_.path);
    std::string table;
    {
        auto connection = open_for_writing(source_.path);
        table = *connection.text(
            "SELECT name FROM sqlite_schema WHERE name IN ('person', "
            "'Person', 'persons')");
    }
    source_.mapping.subjects = {.table = table, .key = "p_personid"};
    auto const snapshot = take(source_);
    ASSERT_TRUE(snapshot) << snapshot.error().message();
    std::set<std::string> people;
    std::map<std::string, std::pair<int, int>> owned;  // table → rows of a person, rows
    for (auto const& row : snapshot->rows) {
        auto& [theirs, all] = owned[snapshot->schema.tables[row.table].name];
        ++all;
        if (row.subject.empty()) continue;
        ++theirs;
        people.insert(name_of(row.subject));
    }
    EXPECT_EQ(people.size(), 222U);
    for (auto const& [name, counts] : owned) {
        bool const public_data = name == "country" || name == "organisation" || name == "place" ||
                                 name == "tag" || name == "tagclass";
        EXPECT_EQ(counts.first, public_data ? 0 : counts.second) << name;
    }
}

}  // namespace perdure::origin::testing
