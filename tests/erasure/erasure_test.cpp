/// Destroys one person's key in a repository of the LDBC social network (222 people, their
/// messages, likes, friendships, and a photo each) and looks at every snapshot through every face
/// that reads.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "data/value.h"
#include "job/backup.h"
#include "job/restore.h"
#include "repository/keyring/keyring.h"
#include "store/open_store.h"
#include "system/clock.h"

namespace perdure {
namespace {

namespace fs = std::filesystem;

fs::path real_data() {
    if (char const* data = std::getenv("PERDURE_DATA")) return data;
    char const* checkout = std::getenv("PERDURE_CHECKOUT");
    return fs::path(checkout ? checkout : ".") / "../shared/data";
}

/// A second pair of eyes: SQLite itself, asked in SQL.
class Database {
public:
    explicit Database(fs::path const& path) { sqlite3_open(path.c_str(), &database_); }
    ~Database() { sqlite3_close(database_); }
    std::int64_t number(std::string const& sql) {
        sqlite3_stmt* statement = nullptr;
        EXPECT_EQ(sqlite3_prepare_v2(database_, sql.c_str(), -1, &statement, nullptr), SQLITE_OK)
            << sqlite3_errmsg(database_) << ": " << sql;
        EXPECT_EQ(sqlite3_step(statement), SQLITE_ROW) << sql;
        auto const value = sqlite3_column_int64(statement, 0);
        sqlite3_finalize(statement);
        return value;
    }
    void run(std::string const& sql) {
        EXPECT_EQ(sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
            << sqlite3_errmsg(database_) << ": " << sql;
    }

private:
    sqlite3* database_ = nullptr;
};

class Erasure : public testing::Test {
protected:
    void SetUp() override {
        auto const original = real_data() / "sqlite/ldbc_snb_social/ldbc_snb.sqlite";
        if (!fs::exists(original)) GTEST_SKIP() << "no real data at " << real_data();
        scratch_.emplace(*system::ScratchFolder::create());
        root_ = scratch_->path();
        fs::copy_file(original, root_ / "app.db");
        fs::permissions(root_ / "app.db", fs::perms::owner_all);
        make_photos();
        open();
    }

    /// Every person's first message refers to a photo of theirs.
    void make_photos() {
        fs::create_directories(root_ / "media");
        Database database(root_ / "app.db");
        database.run("UPDATE message SET m_ps_imagefile = NULL");
        database.run(
            "UPDATE message SET m_ps_imagefile = 'photo-' || m_creatorid || '.jpg' WHERE "
            "m_messageid IN (SELECT min(m_messageid) FROM message GROUP BY m_creatorid)");
        database.run("CREATE TEMP TABLE p AS SELECT DISTINCT m_creatorid c FROM message");
        auto const people = database.number("SELECT count(*) FROM p");
        for (std::int64_t i = 0; i < people; ++i) {
            auto const person =
                database.number("SELECT c FROM p ORDER BY c LIMIT 1 OFFSET " + std::to_string(i));
            auto const name = "photo-" + std::to_string(person) + ".jpg";
            std::ofstream(root_ / "media" / name) << std::string(5000, 'x') << canary(person);
        }
    }

    static Bytes subject_key(std::int64_t person) {
        Encoder out;
        data::encode_integer(out, person);
        return out.take();
    }

    /// No session is running: the change can be completed at once.
    Result<repository::ChangeReport> erase(std::int64_t person) {
        repository::ChangeOptions options;
        options.sessions_settled = [](std::uint64_t, std::stop_token) -> Result<bool> {
            return true;
        };
        return repository_->keyring().erase({{.source = "app", .key = subject_key(person)}},
                                            options, {});
    }

    static std::string canary(std::int64_t person) {
        return "canary-of-" + std::to_string(person) + "-in-a-photo";
    }

    void open() {
        auto store = store::open_store(
            {.kind = "local", .path = (root_ / "repository").string(), .create = true});
        ASSERT_TRUE(store) << store.error().message();
        store_ = *store;
        if (!fs::exists(root_ / "repository" / "config")) {
            auto const created = repository::Repository::create(store_, secret(), {}, outside_, {});
            ASSERT_TRUE(created) << created.error().message();
        }
        auto opened = repository::Repository::open(store_, secret(),
                                                   {.cache_folder = root_ / "cache"}, outside_, {});
        ASSERT_TRUE(opened) << opened.error().message();
        repository_ = std::move(*opened);
    }

    static repository::KeySecret secret() {
        return {.kind = repository::KeySecret::Kind::key_file,
                .bytes = crypto::SecretBytes(Bytes(32, std::byte{7}))};
    }

    origin::SourceOptions source() const {
        origin::SourceOptions options{.name = "app", .type = "sqlite"};
        options.path = root_ / "app.db";
        options.media = root_ / "media";
        options.mapping.subjects = data::SubjectMapping{.table = "person", .key = "p_personid"};
        data::RecordMapping message{.type = "message", .table = "message"};
        message.fields["body"] = "m_content";
        message.fields["media"] = "m_ps_imagefile";
        options.mapping.records.push_back(message);
        return options;
    }

    repository::Snapshot back_up() {
        auto report = job::backup(*repository_, {.sources = {source()}}, {});
        EXPECT_TRUE(report) << report.error().message();
        for (auto const& problem : report->problems) {
            ADD_FAILURE() << problem.path << ": " << problem.reason;
        }
        return *report->snapshot;
    }

    fs::path restore(repository::Snapshot const& snapshot, std::string const& name,
                     std::uint64_t erased) {
        auto report =
            job::restore(*repository_, {.snapshot = snapshot, .folder = root_ / name}, {});
        EXPECT_TRUE(report) << report.error().message();
        if (report) {
            EXPECT_EQ(report->sources.at(0).erased_subjects, erased);
        }
        return root_ / name / "app";
    }

    /// All keys stored for one domain, as (table, key); by the storage itself.
    std::set<std::string> stored_rows(repository::Snapshot const& snapshot) {
        std::set<std::string> keys;
        auto context = repository_->read_context();
        auto const listed = repository::list_rows(
            snapshot.sources.at(0),
            [&](data::RowView const& row) -> Result<void> {
                keys.insert(std::to_string(row.table) + ":" + to_hex(row.key));
                return {};
            },
            context, {});
        EXPECT_TRUE(listed) << listed.error().message();
        return keys;
    }

    system::Path root_;
    std::optional<system::ScratchFolder> scratch_;
    repository::Outside outside_{system::real_clock(), system::real_random()};
    std::shared_ptr<store::ObjectStore> store_;
    std::unique_ptr<repository::Repository> repository_;
};

TEST_F(Erasure, ADestroyedKeyTakesExactlyOnePersonFromEverySnapshot) {
    std::vector<repository::Snapshot> snapshots = {back_up()};
    Database live(root_ / "app.db");
    live.run("UPDATE message SET m_content = m_content || ' edited' WHERE m_messageid % 50 = 0");
    snapshots.push_back(back_up());
    auto const person = live.number(
        "SELECT m_creatorid FROM message GROUP BY 1 ORDER BY count(*) DESC LIMIT 1 OFFSET 10");
    auto const id = std::to_string(person);
    std::vector<std::set<std::string>> before;
    for (auto const& snapshot : snapshots) before.push_back(stored_rows(snapshot));
    auto const whole = restore(snapshots[0], "whole", 0);
    EXPECT_TRUE(fs::exists(whole / "media" / ("photo-" + id + ".jpg")));

    auto const handles = repository_->keyring().handles_of("app", subject_key(person));
    ASSERT_FALSE(handles.empty()) << "the person's rows were never in a domain of their own";
    auto const erased = erase(person);
    ASSERT_TRUE(erased) << erased.error().message();
    repository_.reset();
    open();  // nothing may depend on what a process still remembers

    for (std::size_t i = 0; i < snapshots.size(); ++i) {
        auto const after = stored_rows(snapshots[i]);
        EXPECT_TRUE(std::ranges::includes(before[i], after));
        EXPECT_LT(after.size(), before[i].size());
        auto const folder = restore(snapshots[i], "after" + std::to_string(i), 1);
        Database back(folder / "app.db");
        Database& reference = live;
        // The person is gone…
        EXPECT_EQ(back.number("SELECT count(*) FROM person WHERE p_personid = " + id), 0);
        EXPECT_EQ(back.number("SELECT count(*) FROM message WHERE m_creatorid = " + id), 0);
        EXPECT_EQ(back.number("SELECT count(*) FROM person_email WHERE pe_personid = " + id), 0);
        EXPECT_FALSE(fs::exists(folder / "media" / ("photo-" + id + ".jpg")));
        // … and nobody else.
        for (auto const& [table, owner] : {std::pair{"person", "p_personid"},
                                           {"message", "m_creatorid"},
                                           {"person_email", "pe_personid"},
                                           {"likes", "l_personid"},
                                           {"person_university", "pu_personid"},
                                           {"tag", "NULL"},
                                           {"place", "NULL"}}) {
            auto const others =
                std::string("SELECT count(*) FROM ") + table + " WHERE " + owner + " IS NOT " + id;
            EXPECT_EQ(back.number(others), reference.number(others)) << table;
        }
        EXPECT_EQ(static_cast<std::size_t>(std::distance(fs::directory_iterator(folder / "media"),
                                                         fs::directory_iterator())),
                  static_cast<std::size_t>(std::distance(fs::directory_iterator(whole / "media"),
                                                         fs::directory_iterator())) -
                      1);
    }
}

/// Why there is one generation only (docs/DECISIONS.md): nothing of before comes back with them.
TEST_F(Erasure, TheErasedComeBackOnlyAsSomebodyNew) {
    std::vector<repository::Snapshot> old = {back_up()};
    Database live(root_ / "app.db");
    auto const person = live.number("SELECT min(m_creatorid) FROM message");
    auto const id = std::to_string(person);
    auto const count = [&](fs::path const& folder, std::string const& what) {
        return Database(folder / "app.db").number("SELECT count(*) FROM " + what);
    };
    live.run("UPDATE message SET m_content = m_content || ' of old' WHERE m_creatorid = " + id);
    old.push_back(back_up());
    auto const handles = repository_->keyring().handles_of("app", subject_key(person));
    ASSERT_EQ(handles.size(), 1U);
    ASSERT_TRUE(erase(person));
    repository_.reset();
    open();

    // The application forgot them, too; years later they sign up again under the same key.
    live.run("DELETE FROM message WHERE m_creatorid = " + id +
             " AND m_messageid <> (SELECT min(m_messageid) FROM message WHERE m_creatorid = " + id +
             ")");
    live.run(
        "UPDATE message SET m_content = 'I am back', m_ps_imagefile = NULL WHERE "
        "m_creatorid = " +
        id);
    fs::remove(root_ / "media" / ("photo-" + id + ".jpg"));
    std::vector<repository::Snapshot> fresh = {back_up()};
    auto const renewed = repository_->keyring().handles_of("app", subject_key(person));
    ASSERT_EQ(renewed.size(), 1U);
    EXPECT_NE(renewed.front(), handles.front());
    live.run("UPDATE message SET m_content = 'I am still here' WHERE m_creatorid = " + id);
    fresh.push_back(back_up());
    repository::ChangeOptions options;
    options.sessions_settled = [](std::uint64_t, std::stop_token) -> Result<bool> { return true; };
    ASSERT_TRUE(repository_->keyring().rotate(options, {}));
    repository_.reset();
    open();
    EXPECT_EQ(repository_->keyring().state(handles.front()), repository::HandleState::erased);
    EXPECT_EQ(repository_->keyring().tombstones().size(), 1U);

    for (std::size_t i = 0; i < 2; ++i) {
        auto const before = restore(old[i], "old" + std::to_string(i), 1);
        EXPECT_EQ(count(before, "person WHERE p_personid = " + id), 0);
        EXPECT_EQ(count(before, "message WHERE m_creatorid = " + id), 0);
        EXPECT_FALSE(fs::exists(before / "media" / ("photo-" + id + ".jpg")));
        auto const after = restore(fresh[i], "new" + std::to_string(i), 0);
        EXPECT_EQ(count(after, "person WHERE p_personid = " + id), 1);
        EXPECT_EQ(count(after, "message WHERE m_creatorid = " + id + " AND m_content = '" +
                                   (i == 0 ? "I am back'" : "I am still here'")),
                  1);
        EXPECT_EQ(count(after, "message WHERE m_content LIKE '% of old'"), 0);
    }
    // And they may go a second time, from what they left since.
    ASSERT_TRUE(erase(person));
    repository_.reset();
    open();
    EXPECT_EQ(repository_->keyring().state(renewed.front()), repository::HandleState::erased);
    auto const gone = restore(fresh[1], "gone", 1);
    EXPECT_EQ(count(gone, "message WHERE m_creatorid = " + id), 0);
    EXPECT_EQ(count(restore(old[1], "still-gone", 1), "message WHERE m_creatorid = " + id), 0);
}

}  // namespace
}  // namespace perdure
