#include <fmt/core.h>

#include <algorithm>

#include "crypto/hash.h"
#include "demo/app.h"
#include "demo/database.h"
#include "demo/language.h"
#include "demo/picture.h"

namespace perdure::demo {
namespace {

constexpr char const* schema = R"(
PRAGMA application_id=0x6d656d6f; PRAGMA user_version=7;
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL,
  email TEXT NOT NULL UNIQUE COLLATE NOCASE,
  phone TEXT, locale TEXT NOT NULL DEFAULT 'en', created_at TEXT NOT NULL, deleted_at TEXT);
CREATE TABLE projects (id INTEGER PRIMARY KEY,
  owner_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  name TEXT NOT NULL, description TEXT, created_at TEXT NOT NULL);
CREATE TABLE categories (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
  parent_id INTEGER REFERENCES categories(id));
CREATE TABLE collections (id INTEGER PRIMARY KEY,
  user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  project_id INTEGER REFERENCES projects(id), name TEXT NOT NULL,
  is_public INTEGER NOT NULL DEFAULT 0 CHECK (is_public IN (0, 1)));
CREATE TABLE tags (id INTEGER PRIMARY KEY,
  user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  name TEXT NOT NULL, UNIQUE (user_id, name));
CREATE TABLE memories (id INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  collection_id INTEGER REFERENCES collections(id), project_id INTEGER REFERENCES projects(id),
  category_id INTEGER REFERENCES categories(id), title TEXT NOT NULL, content TEXT NOT NULL,
  content_format TEXT NOT NULL DEFAULT 'markdown', mood TEXT, latitude REAL, longitude REAL,
  embedding BLOB, embedding_model TEXT, created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
  deleted_at TEXT,
  title_length INTEGER GENERATED ALWAYS AS (length(title)) VIRTUAL);
CREATE TABLE memory_tags (memory_id INTEGER NOT NULL REFERENCES memories(id) ON DELETE CASCADE,
  tag_id INTEGER NOT NULL REFERENCES tags(id) ON DELETE CASCADE, PRIMARY KEY (memory_id,
  tag_id)) WITHOUT ROWID;
CREATE TABLE media (id INTEGER PRIMARY KEY,
  memory_id INTEGER NOT NULL REFERENCES memories(id) ON DELETE CASCADE,
  path TEXT NOT NULL UNIQUE, mime_type TEXT NOT NULL, bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL, caption TEXT, taken_at TEXT);
CREATE TABLE comments (id INTEGER PRIMARY KEY,
  memory_id INTEGER NOT NULL REFERENCES memories(id) ON DELETE CASCADE,
  user_id INTEGER NOT NULL REFERENCES users(id), body TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE TABLE likes (memory_id INTEGER NOT NULL REFERENCES memories(id) ON DELETE CASCADE,
  user_id INTEGER NOT NULL REFERENCES users(id), created_at TEXT NOT NULL, PRIMARY KEY (user_id,
  memory_id)) WITHOUT ROWID;
CREATE TABLE code_projects (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users(id),
  name TEXT NOT NULL, root_path TEXT NOT NULL, language TEXT NOT NULL);
CREATE TABLE semantic_units (id TEXT PRIMARY KEY,
  code_project_id INTEGER NOT NULL REFERENCES code_projects(id),
  kind TEXT NOT NULL, name TEXT NOT NULL, file_path TEXT NOT NULL, start_line INTEGER,
  end_line INTEGER,
  signature TEXT, body TEXT, embedding BLOB, embedding_model TEXT);
CREATE TABLE settings (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
)";

// Made after the rows are in: triggers would run for each of them, indexes grow faster at once.
constexpr char const* schema_after_rows = R"(
CREATE INDEX memories_by_user ON memories(user_id, created_at);
CREATE INDEX memories_alive ON memories(collection_id) WHERE deleted_at IS NULL;
CREATE INDEX media_by_memory ON media(memory_id);
CREATE INDEX comments_by_memory ON comments(memory_id);
CREATE INDEX comments_by_user ON comments(user_id);
CREATE VIRTUAL TABLE memories_fts USING fts5(title, content='memories', content_rowid='id');
INSERT INTO memories_fts(memories_fts) VALUES ('rebuild');
CREATE TRIGGER memories_fts_insert AFTER INSERT ON memories BEGIN
  INSERT INTO memories_fts(rowid, title) VALUES (new.id, new.title); END;
CREATE TRIGGER memories_fts_delete AFTER DELETE ON memories BEGIN
  INSERT INTO memories_fts(memories_fts, rowid, title) VALUES ('delete', old.id, old.title); END;
CREATE TRIGGER memories_fts_update AFTER UPDATE OF title ON memories BEGIN
  INSERT INTO memories_fts(memories_fts, rowid, title) VALUES ('delete', old.id, old.title);
  INSERT INTO memories_fts(rowid, title) VALUES (new.id, new.title); END;
CREATE VIEW active_memories AS SELECT * FROM memories WHERE deleted_at IS NULL;
CREATE VIEW user_statistics AS SELECT u.id, u.name, count(m.id) AS memories,
  max(m.created_at) AS latest
  FROM users u LEFT JOIN memories m ON m.user_id = u.id GROUP BY u.id;
ANALYZE;
)";

constexpr unsigned dimensions = 64;
constexpr std::uint64_t media_max = 20'000;
constexpr char const* model = "all-MiniLM-L6-v2";

/// Ids are dense, so rows can refer to each other without being kept: collection c belongs to user
/// c % users, project p to p % users, tag t to t % users.
struct Counts {
    explicit Counts(std::uint64_t size)
        : memories(std::max<std::uint64_t>(size, 1)),
          users(std::max<std::uint64_t>(memories / 50, 3)),
          collections(users * 3),
          projects(users * 2),
          tags(users * 6),
          code_projects(std::clamp<std::uint64_t>(users / 4, 1, 200)) {}
    std::uint64_t memories, users, collections, projects, tags, code_projects;
    static std::uint64_t owned(std::uint64_t owner, std::uint64_t users, std::uint64_t nth) {
        return owner + nth * users;
    }
};

class MemoriesApp {
public:
    MemoriesApp(system::Path folder, SampleOptions const& options, Database database)
        : folder_(std::move(folder)),
          options_(options),
          counts_(options.size),
          database_(std::move(database)) {}

    Result<void> make(std::stop_token stop) {
        PD_CHECK(database_.run(schema));
        PD_CHECK(make_users());
        PD_CHECK(make_groupings());
        PD_CHECK(make_memories(stop));
        PD_CHECK(make_code_index());
        PD_CHECK(database_.run(schema_after_rows));
        return database_.finish();
    }

private:
    Result<void> make_users();
    Result<void> make_groupings();
    Result<void> make_memories(std::stop_token const& stop);
    Result<void> make_memory(Dice& dice, std::int64_t id, std::int64_t user);
    Result<void> make_attachments(Dice& dice, std::int64_t id, std::int64_t user, Timestamp time);
    Result<void> make_media(Dice& dice, std::int64_t memory, Timestamp time);
    Result<void> make_code_index();

    system::Path folder_;
    SampleOptions options_;
    Counts counts_;
    Database database_;
    Insert memory_, tagging_, media_, comment_, like_;
    std::int64_t media_made_ = 0, comments_made_ = 0;
};

Result<void> MemoriesApp::make_users() {
    Dice dice(options_.seed, "memories users");
    constexpr std::string_view locales[] = {"en", "de", "ar", "zh", "en"};
    Insert user = database_.insert_into("users", 7);
    for (std::uint64_t id = 1; id <= counts_.users; ++id) {
        Person const person = make_person(dice, id);
        Timestamp const joined = time_before(dice, options_.now, 2000);
        user.add(static_cast<std::int64_t>(id)).add(person.name).add(person.email);
        if (dice.chance(60))
            user.add(fmt::format("+49 30 {:07}", dice.below(10'000'000)));
        else
            user.add_null();
        user.add(locales[static_cast<std::size_t>(person.language)]).add(local_time(dice, joined));
        if (dice.chance(4))
            user.add(local_time(dice, time_before(dice, options_.now, 30)));
        else
            user.add_null();
        PD_CHECK(user.run());
    }
    Insert setting = database_.insert_into("settings", 2);
    PD_CHECK(setting.add("retention_days").add(std::int64_t{3650}).run());
    PD_CHECK(setting.add("ratio").add(0.1).run());
    PD_CHECK(setting.add("icon").add_bytes(as_bytes(std::string_view("\0\xff\x01", 3))).run());
    PD_CHECK(setting.add("empty").add("").run());
    return setting.add("absent").add_null().run();
}

Result<void> MemoriesApp::make_groupings() {
    Dice dice(options_.seed, "memories groupings");
    constexpr std::string_view categories[] = {"Life", "Work",           "Travel", "Food", "Health",
                                               "Home", "Ideas & Dreams", "日常",   "عائلة"};
    Insert category = database_.insert_into("categories", 3);
    std::int64_t id = 0;
    for (std::string_view name : categories) {
        category.add(++id).add(name);
        if (id > 4)
            category.add(id - 4);
        else
            category.add_null();
        PD_CHECK(category.run());
    }
    Insert project = database_.insert_into("projects", 5);
    for (std::uint64_t i = 0; i < counts_.projects; ++i) {
        Language const language = pick_language(dice);
        auto const owner = static_cast<std::int64_t>(i % counts_.users + 1);
        project.add(static_cast<std::int64_t>(i + 1)).add(owner).add(make_title(dice, language));
        project.add(make_remark(dice, language));
        PD_CHECK(project.add(local_time(dice, time_before(dice, options_.now, 1500))).run());
    }
    Insert collection = database_.insert_into("collections", 5);
    for (std::uint64_t i = 0; i < counts_.collections; ++i) {
        std::uint64_t const owner = i % counts_.users;
        collection.add(static_cast<std::int64_t>(i + 1)).add(static_cast<std::int64_t>(owner + 1));
        auto const project_id = Counts::owned(owner, counts_.users, dice.below(2)) + 1;
        if (dice.chance(70))
            collection.add(static_cast<std::int64_t>(project_id));
        else
            collection.add_null();
        collection.add(make_title(dice, pick_language(dice)));
        PD_CHECK(collection.add(std::int64_t{dice.chance(20)}).run());
    }
    Insert tag = database_.insert_into("tags", 3);
    for (std::uint64_t i = 0; i < counts_.tags; ++i) {
        auto const owner = static_cast<std::int64_t>(i % counts_.users + 1);
        std::string const name = fmt::format("{} {}", make_tag(dice), i / counts_.users + 1);
        PD_CHECK(tag.add(static_cast<std::int64_t>(i + 1)).add(owner).add(name).run());
    }
    return {};
}

Result<void> MemoriesApp::make_memories(std::stop_token const& stop) {
    Dice dice(options_.seed, "memories");
    memory_ = database_.prepare("INSERT INTO memories VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    tagging_ = database_.prepare("INSERT OR IGNORE INTO memory_tags VALUES (?,?)");
    media_ = database_.insert_into("media", 8);
    comment_ = database_.insert_into("comments", 5);
    like_ = database_.prepare("INSERT OR IGNORE INTO likes VALUES (?,?,?)");
    for (std::uint64_t id = 1; id <= counts_.memories; ++id) {
        if (id % 1024 == 0 && stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        auto const user = static_cast<std::int64_t>(dice.skewed(counts_.users) + 1);
        PD_CHECK(make_memory(dice, static_cast<std::int64_t>(id), user));
    }
    return {};
}

Result<void> MemoriesApp::make_memory(Dice& dice, std::int64_t id, std::int64_t user) {
    Language const language = pick_language(dice);
    Timestamp const created = time_before(dice, options_.now, 1800);
    auto const owned = [&](std::uint64_t groups) {
        std::uint64_t const owner = static_cast<std::uint64_t>(user - 1);
        return static_cast<std::int64_t>(Counts::owned(owner, counts_.users, dice.below(groups)) +
                                         1);
    };
    memory_.add(id).add(user);
    if (dice.chance(80))
        memory_.add(owned(3));
    else
        memory_.add_null();
    if (dice.chance(60))
        memory_.add(owned(2));
    else
        memory_.add_null();
    memory_.add(static_cast<std::int64_t>(dice.between(1, 9)));
    memory_.add(make_title(dice, language)).add(make_markdown(dice, language)).add("markdown");
    constexpr std::string_view moods[] = {"happy", "calm", "sad", "😀", "müde"};
    if (dice.chance(50))
        memory_.add(dice.pick(moods));
    else
        memory_.add_null();
    if (dice.chance(25))
        memory_.add(180 * dice.fraction() - 90).add(360 * dice.fraction() - 180);
    else
        memory_.add_null().add_null();
    if (dice.chance(25))
        memory_.add_bytes(make_embedding(dice, dimensions)).add(model);
    else
        memory_.add_null().add_null();
    Timestamp const updated =
        dice.chance(30) ? created + std::chrono::seconds(dice.below(40 * 86400)) : created;
    memory_.add(local_time(dice, created)).add(local_time(dice, updated));
    if (dice.chance(3))
        memory_.add(local_time(dice, updated + std::chrono::seconds(3600)));
    else
        memory_.add_null();
    PD_CHECK(memory_.run());
    return make_attachments(dice, id, user, created);
}

Result<void> MemoriesApp::make_attachments(Dice& dice, std::int64_t id, std::int64_t user,
                                           Timestamp time) {
    for (std::uint64_t i = 0, n = dice.below(4); i < n; ++i) {
        auto const owner = static_cast<std::uint64_t>(user - 1);
        auto const tag = Counts::owned(owner, counts_.users, dice.below(6)) + 1;
        PD_CHECK(tagging_.add(id).add(static_cast<std::int64_t>(tag)).run());
    }
    if (dice.chance(12) && static_cast<std::uint64_t>(media_made_) < media_max)
        PD_CHECK(make_media(dice, id, time));
    for (std::uint64_t i = 0, n = dice.chance(15) ? dice.between(1, 3) : 0; i < n; ++i) {
        auto const by = static_cast<std::int64_t>(dice.below(counts_.users) + 1);
        Language const language = pick_language(dice);
        comment_.add(++comments_made_).add(id).add(by).add(make_remark(dice, language));
        PD_CHECK(
            comment_.add(local_time(dice, time + std::chrono::seconds(dice.below(864000)))).run());
    }
    if (!dice.chance(20)) return {};
    auto const by = static_cast<std::int64_t>(dice.below(counts_.users) + 1);
    return like_.add(id).add(by).add(local_time(dice, time)).run();
}

Result<void> MemoriesApp::make_media(Dice& dice, std::int64_t memory, Timestamp time) {
    std::int64_t const id = ++media_made_;
    bool const photo = dice.chance(75);
    auto const width = static_cast<unsigned>(dice.between(6, 40) * 8);
    auto const height = static_cast<unsigned>(dice.between(6, 30) * 8);
    Bytes const bytes =
        photo ? make_jpeg(dice, {width, height}, time) : make_png(dice, {width, height});
    std::string const path =
        fmt::format("{}/{:02}/{}-{}.{}", to_rfc3339(time).substr(0, 4), id % 50,
                    photo ? "IMG" : "Screenshot", id, photo ? "jpg" : "png");
    PD_CHECK(make_file(folder_ / "media" / path, bytes, {.mode = 0644, .modified = time}));
    media_.add(id).add(memory).add(path).add(photo ? "image/jpeg" : "image/png");
    media_.add(static_cast<std::int64_t>(bytes.size())).add(to_hex(crypto::sha256(bytes)));
    media_.add(make_title(dice, pick_language(dice)));
    return media_.add(local_time(dice, time)).run();
}

Result<void> MemoriesApp::make_code_index() {
    Dice dice(options_.seed, "memories code index");
    constexpr std::string_view languages[] = {"cpp", "python", "typescript", "rust"};
    constexpr std::string_view kinds[] = {"function", "class", "method", "module"};
    constexpr std::string_view verbs[] = {"load", "merge", "parse", "render", "verify", "export"};
    Insert project = database_.insert_into("code_projects", 5);
    Insert unit = database_.insert_into("semantic_units", 11);
    for (std::uint64_t p = 1; p <= counts_.code_projects; ++p) {
        std::string_view const language = dice.pick(languages);
        auto const owner = static_cast<std::int64_t>(dice.below(counts_.users) + 1);
        std::string const name = fmt::format("{}-{}", dice.pick(verbs), p);
        project.add(static_cast<std::int64_t>(p)).add(owner).add(name).add("/home/dev/" + name);
        PD_CHECK(project.add(language).run());
        for (std::uint64_t u = 0, n = dice.between(5, 25); u < n; ++u) {
            std::string const function = fmt::format("{}_{}", dice.pick(verbs), dice.below(1000));
            auto const line = static_cast<std::int64_t>(dice.between(1, 900));
            unit.add(fmt::format("{:016x}", dice.next())).add(static_cast<std::int64_t>(p));
            unit.add(dice.pick(kinds))
                .add(function)
                .add(fmt::format("src/{}.{}", function, language));
            unit.add(line).add(line + static_cast<std::int64_t>(dice.between(3, 60)));
            unit.add(fmt::format("{}(input: str) -> bool", function));
            unit.add(fmt::format("# {}\nreturn {}(input) > {}\n",
                                 make_title(dice, Language::english), function, dice.below(99)));
            PD_CHECK(unit.add_bytes(make_embedding(dice, dimensions)).add(model).run());
        }
    }
    return {};
}

}  // namespace

Result<void> make_memories_app(system::Path const& folder, SampleOptions const& options,
                               std::stop_token stop) {
    PD_CHECK(system::make_folders(folder / "media", 0755));
    PD_TRY(Database database, Database::create(folder / "app.db"));
    return MemoriesApp(folder, options, std::move(database)).make(stop);
}

}  // namespace perdure::demo
