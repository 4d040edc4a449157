#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "data/mapping_path.h"
#include "origin/discover/inventory.h"
#include "origin/discover/names.h"
#include "origin/files/exclude.h"
#include "origin/sqlite/testing.h"
#include "system/process.h"

namespace perdure::origin::testing {

namespace {

namespace fs = std::filesystem;

class Discover : public ::testing::Test {
protected:
    Discover() : scratch_(std::move(*system::ScratchFolder::create())) {}
    fs::path file(std::string const& path, std::string const& text) {
        fs::path const place = scratch_.path() / path;
        fs::create_directories(place.parent_path());
        std::ofstream(place, std::ios::binary) << text;
        return place;
    }
    void database(std::string const& path, std::string const& sql) {
        fs::create_directories((scratch_.path() / path).parent_path());
        auto connection = open_for_writing(scratch_.path() / path);
        auto const done = connection.run("PRAGMA synchronous=OFF;" + sql);
        ASSERT_TRUE(done) << done.error().message();
    }
    void openssl(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), "openssl");
        auto const exit = system::run({.argv = arguments, .working_folder = scratch_.path()},
                                      [](ByteView) { return Result<void>(); }, {});
        ASSERT_TRUE(exit && exit->status == 0) << (exit ? exit->standard_error : "");
    }
    Inventory look(std::string const& path = {}) {
        auto found = discover(scratch_.path() / path, {});
        EXPECT_TRUE(found) << found.error().message();
        return found ? std::move(*found) : Inventory{};
    }
    static ProposedSource const* source(Inventory const& inventory, std::string_view type) {
        auto const found = std::ranges::find_if(inventory.proposed, [&](auto const& proposed) {
            return proposed.options.type == type;
        });
        return found == inventory.proposed.end() ? nullptr : &*found;
    }
    static bool covers(Inventory const& inventory, std::string_view part) {
        return std::ranges::none_of(inventory.not_covered, [&](NotCovered const& item) {
            return item.path.string().find(part) != std::string::npos;
        });
    }
    system::ScratchFolder scratch_;
};

constexpr char const* memories =
    "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT, email TEXT);"
    "CREATE TABLE collections(id INTEGER PRIMARY KEY, name TEXT);"
    "CREATE TABLE tags(id INTEGER PRIMARY KEY, name TEXT);"
    "CREATE TABLE memories(id INTEGER PRIMARY KEY, user_id REFERENCES users, title TEXT,"
    " content TEXT, project TEXT, category TEXT, collection_id REFERENCES collections,"
    " created_at TEXT, updated_at TEXT, embedding BLOB, embedding_model TEXT);"
    "CREATE TABLE memory_tags(memory_id REFERENCES memories, tag_id REFERENCES tags);"
    "CREATE TABLE media(id INTEGER PRIMARY KEY, memory_id REFERENCES memories, path TEXT);"
    "INSERT INTO users VALUES(1, 'Ann', 'ann@example.org');"
    "INSERT INTO collections VALUES(1, 'Summer'); INSERT INTO tags VALUES(1, 'sea');"
    "INSERT INTO memories VALUES(1, 1, 'A day', '# Beach\n\nWe **swam** a lot that day.', 'life',"
    " 'travel', 1, '2024-05-01T10:00:00Z', '2024-05-02T10:00:00Z', zeroblob(128), 'mini');"
    "INSERT INTO memory_tags VALUES(1, 1); INSERT INTO media VALUES(1, 1, 'a/beach.jpg');";

}  // namespace

TEST_F(Discover, ARepositoryOfPerdureIsOneLineAndNoData) {
    std::string const copy = "PD3CB" + std::string(35, '\1') + "PDCF" + std::string(60, '\2');
    file("srv/backups/config", copy + copy + copy);
    file("srv/backups/pack/d/1", "sealed");
    file("srv/backups/index/2", "sealed");
    file("srv/other/config", "[core]\n");
    file("srv/notes.txt", "text");
    auto const found = look();
    EXPECT_EQ(found.files, 2u);
    ASSERT_EQ(found.not_covered.size(), 1u);
    EXPECT_EQ(found.not_covered[0].path.filename(), "backups");
    auto const* files = source(found, "files");
    ASSERT_NE(files, nullptr);
    ASSERT_EQ(files->options.exclude.size(), 1u);
    EXPECT_NE(files->options.exclude[0].find("srv/backups/"), std::string::npos);
    auto const alone = look("srv/backups");
    EXPECT_EQ(alone.files, 0u);
    EXPECT_TRUE(alone.proposed.empty());
    EXPECT_EQ(alone.not_covered.size(), 1u);
}

TEST_F(Discover, AMemoriesApplicationIsUnderstoodAsItsOwnerWouldWriteIt) {
    database("app/app.db", memories);
    file("app/media/a/beach.jpg", "\xff\xd8 jpeg");
    auto const inventory = look("app");
    ASSERT_EQ(inventory.databases.size(), 1U);
    auto const& mapping = inventory.databases[0].mapping;
    ASSERT_TRUE(mapping.subjects);
    EXPECT_EQ(mapping.subjects->table, "users");
    EXPECT_EQ(mapping.subjects->key, "id");
    EXPECT_EQ(mapping.subjects->label, "name");
    EXPECT_EQ(mapping.subjects->email, "email");
    ASSERT_EQ(mapping.records.size(), 1U);
    EXPECT_EQ(mapping.records[0].type, "memory");
    std::map<std::string, std::string> const fields = {
        {"title", "title"},
        {"body", "content"},
        {"body_format", "markdown"},
        {"created", "created_at"},
        {"updated", "updated_at"},
        {"project", "project"},
        {"category", "category"},
        {"collection", "collection_id -> collections.name"},
        {"tags", "memory_tags(memory_id, tag_id) -> tags.name"},
        {"media", "media(memory_id).path"},
        {"embedding", "embedding"},
        {"embedding_model", "embedding_model"},
        {"embedding_dtype", "f32"}};
    EXPECT_EQ(mapping.records[0].fields, fields);
    auto const* proposed = source(inventory, "sqlite");
    ASSERT_NE(proposed, nullptr);
    EXPECT_EQ(proposed->options.name, "app");
    EXPECT_EQ(proposed->options.media, fs::canonical(scratch_.path() / "app/media"));
    EXPECT_EQ(source(inventory, "files"), nullptr);
    for (auto const& guess : inventory.databases[0].guesses) {
        EXPECT_GT(guess.confidence, 0) << guess.field;
        EXPECT_LE(guess.confidence, 1) << guess.field;
        EXPECT_FALSE(guess.reason.empty()) << guess.field;
    }
}

TEST_F(Discover, NamesOfMoreThanAWordAreProposedAsTheMappingReadsThem) {
    database("app.db",
             "CREATE TABLE posts(id INTEGER PRIMARY KEY, \"Post Title\" TEXT,"
             " \"Body \"\"text\"\"\" TEXT, \"Created At\" TEXT, \"Tags.\" TEXT);"
             "INSERT INTO posts VALUES(1, 'One', 'A long body of text, of many words and more.',"
             " '2024-01-01T10:00:00Z', 'a,b');");
    auto const inventory = look("app.db");
    ASSERT_EQ(inventory.databases.size(), 1U);
    auto const& records = inventory.databases[0].mapping.records;
    ASSERT_EQ(records.size(), 1U);
    std::set<std::string> columns;
    for (auto const& [field, text] : records[0].fields) {
        auto const path = data::parse_mapping_path(text);
        ASSERT_TRUE(path) << field << " = " << text;
        columns.insert(path->column);
    }
    EXPECT_TRUE(columns.contains("Post Title") && columns.contains("Created At"));
    EXPECT_TRUE(columns.contains("Tags."));
    EXPECT_EQ(path_name("a\"b"), "\"a\"\"b\"");
}

TEST_F(Discover, ADatabaseGivenAsAFileFindsItsMediaBesideIt) {
    database("app.db", memories);
    file("media/a/beach.jpg", "x");
    auto const inventory = look("app.db");
    ASSERT_EQ(inventory.proposed.size(), 1U);
    EXPECT_EQ(inventory.proposed[0].options.media.filename(), "media");
}

TEST_F(Discover, AServersPartsAreTakenApart) {
    database("srv/data/shop.sqlite3", memories);
    file("srv/etc/nginx/nginx.conf", "server {}");
    file("srv/log/access.log", "GET /");
    file("srv/notes.txt", "hello");
    fs::create_directories(scratch_.path() / "srv/git/site.git/objects");
    fs::create_directories(scratch_.path() / "srv/git/site.git/refs");
    file("srv/git/site.git/HEAD", "ref: refs/heads/main\n");
    file("srv/pg/PG_VERSION", "15\n");
    file("srv/broken.db", std::string("SQLite format 3\0", 16) + "nothing behind");
    auto const inventory = look("srv");
    EXPECT_EQ(inventory.databases.size(), 2U);
    ASSERT_EQ(inventory.configs.size(), 1U);
    EXPECT_EQ(inventory.configs[0].note, "nginx");
    EXPECT_EQ(inventory.logs.size(), 1U);
    ASSERT_EQ(inventory.repositories.size(), 1U);
    EXPECT_TRUE(inventory.repositories[0].bare);
    EXPECT_NE(source(inventory, "git"), nullptr);
    auto const* files = source(inventory, "files");
    ASSERT_NE(files, nullptr);
    auto const& exclude = files->options.exclude;
    EXPECT_NE(std::ranges::find(exclude, "/data/shop.sqlite3"), exclude.end());
    EXPECT_NE(std::ranges::find(exclude, "/git/site.git/"), exclude.end());
    EXPECT_EQ(std::ranges::find(exclude, "/broken.db"), exclude.end());
    EXPECT_FALSE(covers(inventory, "/pg"));
    EXPECT_FALSE(covers(inventory, "broken.db"));
    EXPECT_TRUE(covers(inventory, "shop.sqlite3"));
}

TEST_F(Discover, WhatLiesBesideADatabaseIsProtectedWhateverItIs) {
    auto const is_kept = [&](std::string const& place, std::string const& what) {
        auto const inventory = look(place);
        auto const* files = source(inventory, "files");
        if (files == nullptr) return false;
        ExcludeRules const rules(files->options.exclude, files->options.path.string());
        return !rules.excludes(what, false);
    };
    for (std::string const name : {"beach.jpg", "travel-journal", "app-wal", "app.db-notes-shm"}) {
        std::string const place = "with-" + name;
        database(place + "/app.db", memories);
        file(place + "/" + name, "somebody's");
        EXPECT_TRUE(is_kept(place, name)) << name;
    }
    database("mixed/app.db", memories);
    file("mixed/album/beach.jpg", "x");
    database("mixed/album/other.db", "CREATE TABLE t(a)");
    EXPECT_TRUE(is_kept("mixed", "album/beach.jpg"));
    database("linked/app.db", memories);
    fs::create_symlink("app.db", scratch_.path() / "linked/current");
    EXPECT_TRUE(is_kept("linked", "current"));
}

TEST_F(Discover, ALinkIntoANeighbourWhoseNameBeginsAlikeLeadsOut) {
    file("app/notes.txt", "x");
    file("app2/notes.txt", "x");
    fs::create_symlink(scratch_.path() / "app2/notes.txt", scratch_.path() / "app/link");
    EXPECT_FALSE(covers(look("app"), "/link"));
}

TEST_F(Discover, CertificatesAreMatchedWithTheirKeysAndDatesAreTold) {
    for (std::string const name : {"a", "b"}) {
        openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-keyout", name + ".key", "-out", name + ".pem", "-subj",
                 "/CN=" + name + ".example", "-days", name == "a" ? "400" : "3"});
    }
    fs::remove(scratch_.path() / "b.key");
    auto const found = look().certificates;
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].subject, "CN=a.example");
    EXPECT_EQ(found[0].key.filename(), "a.key");
    EXPECT_EQ(found[0].trouble, "");
    EXPECT_TRUE(found[1].key.empty());
    EXPECT_NE(found[1].trouble.find("expires on"), std::string::npos);
    EXPECT_NE(found[1].trouble.find("no matching private key"), std::string::npos);
}

TEST_F(Discover, AMissingPlaceIsNotFound) {
    auto const found = discover(scratch_.path() / "nowhere", {});
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().fault(), Fault::not_found);
}

TEST_F(Discover, LooksWithoutLeavingATrace) {
    database("app.db", std::string("PRAGMA journal_mode=WAL;") + memories);
    std::size_t const before = std::distance(fs::directory_iterator(scratch_.path()), {});
    look();
    EXPECT_EQ(std::distance(fs::directory_iterator(scratch_.path()), {}),
              static_cast<std::ptrdiff_t>(before));
}

}  // namespace perdure::origin::testing
