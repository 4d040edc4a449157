#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "data/value.h"
#include "origin/sqlite/testing.h"

namespace perdure::origin::testing {

namespace {

class SqliteValues : public ::testing::Test {
protected:
    SqliteValues() : scratch_(std::move(*system::ScratchFolder::create())) {
        std::filesystem::create_directories(scratch_.path() / "in");
        source_ = {.name = "app", .type = "sqlite", .path = scratch_.path() / "in/app.db"};
    }
    void write(std::string const& sql) {
        auto connection = open_for_writing(source_.path);
        sqlite3_db_config(connection.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
        auto const done = connection.run(sql);
        ASSERT_TRUE(done) << done.error().message();
        ASSERT_TRUE(connection.close());
    }
    /// Reads, puts back, compares by digest and by SQLite itself.
    std::vector<data::Problem> expect_faithful() {
        auto const snapshot = take(source_);
        EXPECT_TRUE(snapshot) << snapshot.error().message();
        if (!snapshot) return {};
        auto const folder = scratch_.path() / ("out" + std::to_string(++restores_));
        auto const problems = put_back(source_, *snapshot, folder);
        EXPECT_TRUE(problems) << problems.error().message();
        if (!problems) return {};
        restored_ = relocated(source_, folder);
        auto const digest = (*open_sqlite(restored_))->digest({});
        EXPECT_TRUE(digest) << digest.error().message();
        if (!digest) return {};
        EXPECT_EQ(digest->hash, snapshot->digest.hash);
        EXPECT_EQ(differences(source_.path, restored_.path), std::vector<std::string>());
        auto const findings = (*open_sqlite(restored_))->check({});
        EXPECT_TRUE(findings);
        EXPECT_TRUE(findings && findings->empty());
        return *problems;
    }
    system::ScratchFolder scratch_;
    SourceOptions source_, restored_;
    int restores_ = 0;
};

constexpr char const* awkward_rows =
    "CREATE TABLE v(x);"
    "INSERT INTO v(rowid, x) VALUES(-9223372036854775807 - 1, NULL), (-5, -9223372036854775807 - "
    "1),"
    "(0, 9223372036854775807), (3, 4.9e-324), (4, 1e999), (5, -1e999), (6, 0.1), (7, ''), (8, x''),"
    "(9, 'a' || char(0) || 'b'), (10, x'00ff00'), (11, zeroblob(100000)), (12, '12'), (13, 5.0),"
    "(9223372036854775807, 'last');";

}  // namespace

TEST_F(SqliteValues, AwkwardValuesAndRowidsComeBackEqual) {
    write(awkward_rows);
    EXPECT_TRUE(expect_faithful().empty());
}

TEST_F(SqliteValues, ADatabaseWithoutTablesKeepsItsSettings) {
    for (std::string const setting : {"page_size=512", "auto_vacuum=1", "journal_mode=WAL",
                                      "user_version=3", "user_version=0"}) {
        SCOPED_TRACE(setting);
        std::filesystem::remove(source_.path);
        write("PRAGMA " + setting + "; VACUUM");
        EXPECT_TRUE(expect_faithful().empty());
    }
}

TEST_F(SqliteValues, NegativeZeroAndInvalidUtf8KeepTheirBits) {
    write("CREATE TABLE v(x)");
    {
        auto connection = open_for_writing(source_.path);
        auto insert = connection.prepare("INSERT INTO v VALUES(?)");
        sqlite3_bind_double(insert->get(), 1, -0.0);
        ASSERT_TRUE(insert->run());
        sqlite3_bind_text(insert->get(), 1, "\xff\xfe\xc3(\xed\xa0\x80", 7, SQLITE_STATIC);
        ASSERT_TRUE(insert->run());
    }
    expect_faithful();
    auto const snapshot = take(restored_);
    ASSERT_EQ(snapshot->rows.size(), 2U);
    Decoder second(snapshot->rows[1].payload);
    EXPECT_EQ(std::get<data::Text>(*data::decode_value(second)).bytes,
              std::string("\xff\xfe\xc3(\xed\xa0\x80", 7));
}

TEST_F(SqliteValues, Utf16DatabasesKeepTheirTextBytes) {
    for (std::string const encoding : {"UTF-16le", "UTF-16be"}) {
        std::filesystem::remove(source_.path);
        write("PRAGMA encoding='" + encoding + "';" + awkward_rows +
              "CREATE TABLE \"Größe 表\"(\"naïve 😀\" TEXT, k TEXT PRIMARY KEY) WITHOUT ROWID;"
              "INSERT INTO \"Größe 表\" VALUES('Grüße, 世界 😀', 'z'), "
              // a lone surrogate, and texts that begin with a byte order mark of either kind
              "(CAST(x'00d8' AS TEXT), 'a'), (CAST(x'fffe4100' AS TEXT), 'b'), "
              "(CAST(x'feff0041' AS TEXT), 'c');");
        SCOPED_TRACE(encoding);
        EXPECT_TRUE(expect_faithful().empty());
    }
}

TEST_F(SqliteValues, IndexesThatIgnoreCaseOrBlanksWorkInUtf16Too) {
    for (std::string const encoding : {"UTF-16le", "UTF-16be"}) {
        std::filesystem::remove(source_.path);
        write("PRAGMA encoding='" + encoding +
              "';CREATE TABLE t(name TEXT COLLATE NOCASE, code TEXT COLLATE RTRIM UNIQUE);"
              "CREATE INDEX i ON t(name);"
              "INSERT INTO t VALUES('apple', 'a '), ('Banana', 'b'), ('APPLE', 'c  '),"
              "('cherry', 'd'), ('Apple', 'A'), ('banana', 'e ');");
        EXPECT_EQ(expect_faithful().size(), 0u);
        sqlite3* plain = nullptr;  // asked without anything of ours in between
        ASSERT_EQ(sqlite3_open(restored_.path.c_str(), &plain), SQLITE_OK);
        std::string said;
        auto const keep = [](void* to, int, char** values, char**) {
            *static_cast<std::string*>(to) += std::string(values[0]) + " ";
            return 0;
        };
        sqlite3_exec(plain,
                     "PRAGMA integrity_check; SELECT count(*) FROM t WHERE name = 'apple';"
                     "SELECT count(*) FROM t WHERE code = 'c'",
                     keep, &said, nullptr);
        sqlite3_close(plain);
        EXPECT_EQ(said, "ok 3 1 ");
    }
}

TEST_F(SqliteValues, EveryKindOfTableComesBack) {
    write(
        "PRAGMA user_version=77;PRAGMA application_id=-5;PRAGMA page_size=8192;"
        "PRAGMA auto_vacuum=2;VACUUM;"
        "CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT, t TEXT UNIQUE, CHECK(t <> 'no'));"
        "INSERT INTO a VALUES(7, 'x'); INSERT INTO a(t) VALUES('y'); DELETE FROM a WHERE id = 8;"
        "CREATE TABLE w(a TEXT, b REAL, c, d AS (a || 'v'), e AS (c * 2) STORED,"
        " PRIMARY KEY(b DESC, a COLLATE NOCASE)) WITHOUT ROWID;"
        "INSERT INTO w VALUES('Q', 1.5, 3), ('q', 2, 4), ('R', 1.5, NULL);"
        "CREATE TABLE s(i INT, t TEXT, x ANY) STRICT; INSERT INTO s VALUES(1, '1', '1'), (2, '', "
        "2);"
        "CREATE TABLE hidden(rowid, _rowid_, oid); INSERT INTO hidden VALUES(3, 2, 1), (6, 5, 4);"
        "CREATE TABLE \"we\"\"ird 'name'; DROP\"(\"col \"\"1\", [select] TEXT DEFAULT 'd''q');"
        "INSERT INTO \"we\"\"ird 'name'; DROP\" VALUES(1, 'a');"
        "CREATE TABLE parent(id PRIMARY KEY); CREATE TABLE child(p REFERENCES parent);"
        "CREATE INDEX i1 ON a(t) WHERE t > 'a'; CREATE UNIQUE INDEX i2 ON w(lower(a), b);"
        "CREATE VIEW vw AS SELECT * FROM a; CREATE TRIGGER tg AFTER INSERT ON a BEGIN "
        "INSERT INTO w VALUES('trigger', 9, only_the_app_knows(NEW.t)); END;"
        "ANALYZE;");
    EXPECT_TRUE(expect_faithful().empty());
    auto connection = open_for_writing(restored_.path);
    EXPECT_EQ(*connection.text("SELECT seq FROM sqlite_sequence WHERE name = 'a'"), "8");
    EXPECT_EQ(*connection.text("PRAGMA auto_vacuum"), "2");
}

TEST_F(SqliteValues, ALogModeDatabaseComesBackInLogMode) {
    write("PRAGMA journal_mode=WAL; CREATE TABLE t(x); INSERT INTO t VALUES(1)");
    EXPECT_TRUE(expect_faithful().empty());
    EXPECT_FALSE(std::filesystem::exists(source_.path.string() + "-wal"));
    EXPECT_FALSE(std::filesystem::exists(source_.path.string() + "-shm"));
    EXPECT_FALSE(std::filesystem::exists(restored_.path.string() + "-wal"));
}

TEST_F(SqliteValues, EmptyDatabasesComeBack) {
    std::ofstream(source_.path).flush();
    expect_faithful();
    EXPECT_EQ(std::filesystem::file_size(restored_.path), 0U);
    std::filesystem::remove(source_.path);
    write("CREATE TABLE t(x); DROP TABLE t; PRAGMA user_version=3");
    expect_faithful();
}

TEST_F(SqliteValues, FullTextAndSpatialTablesComeBackAndWork) {
    write(
        "CREATE VIRTUAL TABLE f5 USING fts5(title, body, tokenize='porter');"
        "INSERT INTO f5 VALUES('first', 'running dogs'), ('second', 'sleeping cats');"
        "CREATE VIRTUAL TABLE f4 USING fts4(body); INSERT INTO f4 VALUES('hello world');"
        "CREATE VIRTUAL TABLE r USING rtree(id, x0, x1, y0, y1, +note);"
        "INSERT INTO r VALUES(1, 0, 1, 0, 1, 'home'), (2, 5, 6, 5, 6, 'work');"
        "INSERT INTO r WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < "
        "900)"
        " SELECT i, i, i + 1, -i, 1 - i, 'n' || i FROM n;"
        "CREATE VIRTUAL TABLE bare USING fts5(body, content='');"
        "INSERT INTO bare(rowid, body) VALUES(4, 'swift foxes'), (9, 'slow snails');"
        "CREATE TABLE plain(x); INSERT INTO plain VALUES('run');");
    EXPECT_TRUE(expect_faithful().empty());
    auto connection = open_for_writing(restored_.path);
    EXPECT_EQ(*connection.text("SELECT title FROM f5 WHERE f5 MATCH 'run'"), "first");
    EXPECT_EQ(*connection.text("SELECT body FROM f4 WHERE f4 MATCH 'world'"), "hello world");
    EXPECT_EQ(*connection.text("SELECT note FROM r WHERE x0 > 3 AND id < 3"), "work");
    EXPECT_EQ(*connection.text("SELECT count(*) FROM r WHERE x0 BETWEEN 100 AND 199"), "100");
    EXPECT_EQ(*connection.text("SELECT rtreecheck('r')"), "ok");
    EXPECT_EQ(*connection.text("SELECT rowid FROM bare WHERE bare MATCH 'snails'"), "9");
    EXPECT_TRUE(connection.run("INSERT INTO bare(bare) VALUES('integrity-check')"));
    EXPECT_TRUE(connection.run("INSERT INTO f5(f5) VALUES('integrity-check')"));
}

TEST_F(SqliteValues, ModulesCollationsAndFunctionsOfTheApplicationDoNotStandInTheWay) {
    {
        auto connection = open_for_writing(source_.path);
        auto* const database = connection.get();
        sqlite3_create_collation(database, "LOCALIZED", SQLITE_UTF8, nullptr,
                                 [](void*, int, void const*, int, void const*) { return 0; });
        sqlite3_create_function(
            database, "app_key", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, nullptr,
            [](sqlite3_context* context, int, sqlite3_value** values) {
                sqlite3_result_value(context, values[0]);
            },
            nullptr, nullptr);
        ASSERT_TRUE(connection.run(
            "CREATE TABLE c(n TEXT COLLATE LOCALIZED, CHECK(app_key(n) <> '')); INSERT INTO c "
            "VALUES('b'); CREATE INDEX ci ON c(n); CREATE INDEX cf ON c(app_key(n));"
            "PRAGMA writable_schema=ON; INSERT INTO sqlite_schema VALUES('table', 'm', 'm', 0, "
            "'CREATE VIRTUAL TABLE m USING spellfix1(x)');"));
    }
    auto const snapshot = take(source_);
    ASSERT_TRUE(snapshot) << snapshot.error().message();
    auto const problems = put_back(source_, *snapshot, scratch_.path() / "out");
    ASSERT_TRUE(problems) << problems.error().message();
    std::string named;
    for (auto const& problem : *problems) named += problem.path + ": " + problem.reason + "\n";
    EXPECT_NE(named.find("REINDEX \"LOCALIZED\""), named.npos) << named;
    EXPECT_NE(named.find("CREATE INDEX cf"), named.npos) << named;
    auto connection = open_for_writing(scratch_.path() / "out/app.db");
    EXPECT_EQ(*connection.text("SELECT n FROM c"), "b");
    EXPECT_EQ(*connection.text("SELECT count(*) FROM sqlite_schema WHERE name = 'm'"), "1");
}

TEST_F(SqliteValues, RowsThatTheirOwnDefinitionWouldChangeOrRefuseComeBack) {
    write(
        "CREATE TABLE t(a, b, u UNIQUE, c); INSERT INTO t VALUES('12', 5.0, 'k', NULL), "
        "(12, '7.5', 'l', 3); CREATE TABLE w(k PRIMARY KEY, v) WITHOUT ROWID; "
        "INSERT INTO w VALUES('1', '2');"
        "PRAGMA writable_schema=ON;"
        "UPDATE sqlite_schema SET sql = 'CREATE TABLE t(a INTEGER, b TEXT, u UNIQUE, c INT)' "
        "WHERE name = 't';"
        "UPDATE sqlite_schema SET sql = 'CREATE TABLE w(k PRIMARY KEY, v INT) WITHOUT ROWID' "
        "WHERE name = 'w'");
    auto const snapshot = take(source_);
    ASSERT_TRUE(snapshot);
    auto const problems = put_back(source_, *snapshot, scratch_.path() / "out");
    ASSERT_TRUE(problems) << problems.error().message();
    EXPECT_TRUE(problems->empty());
    EXPECT_EQ(differences(source_.path, scratch_.path() / "out/app.db"),
              std::vector<std::string>());
}

TEST_F(SqliteValues, ARowWithoutAValueItsDefinitionDemandsIsNotLost) {
    write(
        "CREATE TABLE t(a, b); INSERT INTO t VALUES(1, NULL), (2, 3);"
        "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql = "
        "'CREATE TABLE t(a, b NOT NULL)' WHERE name = 't'");
    auto const snapshot = take(source_);
    ASSERT_TRUE(snapshot);
    ASSERT_TRUE(put_back(source_, *snapshot, scratch_.path() / "out"));
    EXPECT_EQ(differences(source_.path, scratch_.path() / "out/app.db"),
              std::vector<std::string>());
}

TEST_F(SqliteValues, GeneratedColumnsStandBesideValuesOfEveryKind) {
    write(
        "CREATE TABLE s(id INTEGER PRIMARY KEY, a ANY, b ANY AS (a || 'x') VIRTUAL) STRICT;"
        "INSERT INTO s(a) VALUES('123'), (5), (1.0), (' 7 '), (x'00'), (NULL);"
        "CREATE TABLE g(id INTEGER PRIMARY KEY, a INTEGER, b AS (a + 1) STORED);"
        "INSERT INTO g(a) VALUES(-9223372036854775808.0), (9223372036854775808.0), (1e300), (3)");
    expect_faithful();
}

TEST_F(SqliteValues, ValuesThatDoNotFitBesideGeneratedColumnsKeepNoDatabaseFromComingBack) {
    write(
        "CREATE TABLE l(a, b AS (a)); INSERT INTO l(a) VALUES('12'), (NULL), (7), ('x');"
        "CREATE TABLE other(x); INSERT INTO other VALUES(1); PRAGMA writable_schema=ON;"
        "UPDATE sqlite_schema SET sql = 'CREATE TABLE l(a INTEGER NOT NULL, b AS (a))' "
        "WHERE name = 'l';");
    auto const snapshot = take(source_);
    ASSERT_TRUE(snapshot) << snapshot.error().message();
    auto const problems = put_back(source_, *snapshot, scratch_.path() / "out");
    ASSERT_TRUE(problems) << problems.error().message();
    ASSERT_EQ(problems->size(), 2u);
    EXPECT_EQ((*problems)[0].path, "l");
    EXPECT_NE((*problems)[1].reason.find("NOT NULL"), std::string::npos);
    auto connection = open_for_writing(scratch_.path() / "out/app.db");
    EXPECT_EQ(*connection.text("SELECT group_concat(b) FROM l"), "12,7,x");
    EXPECT_EQ(*connection.text("SELECT x FROM other"), "1");
}

TEST_F(SqliteValues, AColumnAddedLaterIsNoDamageInUtf16Either) {
    write(
        "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t(a);"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) "
        "INSERT INTO t SELECT 0 FROM n;"
        "ALTER TABLE t ADD COLUMN d TEXT DEFAULT '" +
        std::string(3000, 'x') + "'");
    auto const snapshot = take(source_);
    ASSERT_TRUE(snapshot) << snapshot.error().message();
    EXPECT_EQ(snapshot->rows.size(), 30000u);
}

TEST_F(SqliteValues, SampledStatisticsNeverEnter) {
    write(
        "CREATE TABLE t(x); PRAGMA writable_schema=ON; "
        "CREATE TABLE sqlite_stat4(tbl, idx, neq, nlt, ndlt, sample);"
        "INSERT INTO sqlite_stat4 VALUES('t', 'i', 1, 1, 1, x'aa')");
    auto const snapshot = take(source_);
    ASSERT_TRUE(snapshot);
    EXPECT_EQ(snapshot->position("sqlite_stat4"), static_cast<std::size_t>(-1));
    EXPECT_TRUE(snapshot->rows.empty());
}

TEST_F(SqliteValues, AMaskedColumnNeverEnters) {
    write(
        "CREATE TABLE u(id INTEGER PRIMARY KEY, phone TEXT NOT NULL, born TEXT); "
        "INSERT INTO u VALUES(1, 'secret-phone', 'secret-born')");
    source_.mask = {{"u.phone", "drop"}, {"U.BORN", "drop"}};
    auto const snapshot = take(source_);
    ASSERT_TRUE(snapshot);
    for (auto const& row : snapshot->rows) {
        EXPECT_EQ(as_text(row.payload).find("secret"), std::string_view::npos);
    }
    ASSERT_TRUE(put_back(source_, *snapshot, scratch_.path() / "out"));
    auto const there = relocated(source_, scratch_.path() / "out");
    EXPECT_EQ((*open_sqlite(there))->digest({})->hash, snapshot->digest.hash);
    source_.mask = {{"u.nothing", "drop"}};
    EXPECT_EQ(take(source_).error().fault(), Fault::invalid);
}

TEST_F(SqliteValues, AMaskOfAGeneratedColumnIsRefusedWithWhatItIsComputedFrom) {
    write(
        "CREATE TABLE \"u\"(id INTEGER PRIMARY KEY, name TEXT, [phone] TEXT, as_text TEXT, "
        "search TEXT GENERATED ALWAYS AS (name || ' as_text ' || \"phone\") STORED, /* name */ "
        "twice VARCHAR(20) AS (search || search), CHECK(name <> as_text));"
        "INSERT INTO u(id, name, phone) VALUES(1, 'ada', 'secret')");
    for (auto const& [mask, fix] :
         {std::pair("u.search", "mask \"u.name\" or \"u.phone\" instead"),
          std::pair("U.Twice", "mask \"u.name\" or \"u.phone\" instead")}) {
        source_.mask = {{mask, "drop"}};
        auto const refused = take(source_);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().fault(), Fault::invalid);
        EXPECT_EQ(refused.error().fix(), fix);
        EXPECT_NE(refused.error().message().find("computed from name, phone"), std::string::npos);
    }
    source_.mask = {{"u.name", "drop"}, {"u.phone", "drop"}};
    EXPECT_TRUE(take(source_));
}

TEST_F(SqliteValues, ARowThatIsNoneIsNamedAndTheOthersComeBack) {
    write(
        "CREATE TABLE t(a, b TEXT UNIQUE); INSERT INTO t VALUES(1, 'x'), (2, 'y'), (3, 'z');"
        "CREATE TABLE s(id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO s VALUES(7)");
    auto snapshot = take(source_);
    ASSERT_TRUE(snapshot);
    int bad = 0;
    for (auto& row : snapshot->rows) {
        if (row.table == snapshot->position("sqlite_sequence")) row.key = to_bytes("none");
        if (row.table != snapshot->position("t")) continue;
        if (bad == 0) row.key = to_bytes("no rowid");
        if (bad == 0) row.key.pop_back();
        if (bad == 1) row.payload.pop_back();
        ++bad;
    }
    auto const problems = put_back(source_, *snapshot, scratch_.path() / "out");
    ASSERT_TRUE(problems) << problems.error().message();
    ASSERT_EQ(problems->size(), 3u);
    EXPECT_EQ(problems->at(0).path, "t");
    EXPECT_NE(problems->at(0).reason.find("could not be put back"), std::string::npos);
    auto connection = open_for_writing(scratch_.path() / "out/app.db");
    EXPECT_EQ(*connection.text("SELECT group_concat(a || b) FROM t"), "3z");
    EXPECT_EQ(*connection.text("SELECT id FROM s"), "7");
}

TEST_F(SqliteValues, TablesKeyedByTheirPrimaryKeyAreToldWithoutTheirIndexInTheSchema) {
    write(
        "CREATE TABLE t2(a, b PRIMARY KEY); INSERT INTO t2 VALUES(1, 'x'), (2, 'y');"
        "CREATE TABLE w(_rowid_, rowid, oid, k PRIMARY KEY) WITHOUT ROWID;"
        "INSERT INTO w VALUES(1, 2, 3, 'key');"
        "CREATE TABLE n(_rowid_, rowid, oid, k PRIMARY KEY); INSERT INTO n VALUES(1, 2, 3, 'key');"
        "CREATE TABLE k(k PRIMARY KEY) WITHOUT ROWID; INSERT INTO k VALUES('key')");
    auto const snapshot = take(source_);
    ASSERT_TRUE(snapshot);
    auto const by_rowid = [&](char const* table) {
        return snapshot->schema.tables[snapshot->position(table)].keyed_by_rowid;
    };
    EXPECT_TRUE(by_rowid("t2") && by_rowid("n"));
    EXPECT_FALSE(by_rowid("w") || by_rowid("k"));
    EXPECT_EQ(expect_faithful().size(), 0u);
}

TEST_F(SqliteValues, ALockedDatabaseIsToldAsSuch) {
    write("CREATE TABLE t(a)");
    auto holder = open_for_writing(source_.path);
    ASSERT_TRUE(holder.run("BEGIN EXCLUSIVE"));
    auto other = Connection::open(source_.path, {.busy_wait_ms = 0});
    ASSERT_TRUE(other);
    auto const refused = other->run("SELECT count(*) FROM t");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), 11);
    EXPECT_NE(refused.error().fix().find("transaction"), std::string::npos);
}

TEST_F(SqliteValues, RowsThatMustDifferStillDoWithoutTheMaskedColumn) {
    write(
        "CREATE TABLE u(id INTEGER PRIMARY KEY, mail TEXT NOT NULL UNIQUE, no INT NOT NULL, "
        "r REAL NOT NULL, b BLOB NOT NULL, UNIQUE(no), UNIQUE(r, b));"
        "CREATE UNIQUE INDEX lower_mail ON u(lower(mail));"
        "INSERT INTO u VALUES(1, 'secret1', 7, 1.5, x'01'), (5, 'secret2', 8, 2.5, x'02'), "
        "(9, 'secret3', 9, 3.5, x'03');"
        "CREATE TABLE w(k TEXT PRIMARY KEY, mail TEXT NOT NULL UNIQUE) WITHOUT ROWID");
    source_.mask = {{"u.mail", "drop"}, {"u.no", "drop"}, {"u.r", "drop"}, {"u.b", "drop"}};
    auto const snapshot = take(source_);
    ASSERT_TRUE(snapshot) << snapshot.error().message();
    for (auto const& row : snapshot->rows) {
        EXPECT_EQ(as_text(row.payload).find("secret"), std::string_view::npos);
    }
    auto const problems = put_back(source_, *snapshot, scratch_.path() / "out");
    ASSERT_TRUE(problems) << problems.error().message();
    EXPECT_EQ(problems->size(), 0u) << problems->at(0).reason;
    auto connection = open_for_writing(scratch_.path() / "out/app.db");
    EXPECT_EQ(*connection.text("SELECT group_concat(id || mail) FROM u"), "11,55,99");
    EXPECT_EQ((*open_sqlite(relocated(source_, scratch_.path() / "out")))->digest({})->hash,
              snapshot->digest.hash);
    source_.mask = {{"w.mail", "drop"}};
    EXPECT_EQ(take(source_).error().fault(), Fault::invalid);
}

}  // namespace perdure::origin::testing
