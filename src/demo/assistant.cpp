#include <fmt/core.h>

#include <algorithm>

#include "crypto/hash.h"
#include "demo/app.h"
#include "demo/database.h"
#include "demo/language.h"

namespace perdure::demo {
namespace {

// Nobody's rows in particular: a personal server. Keys are texts, a join table without rowid, JSON
// in text columns, larger embeddings.
constexpr char const* schema = R"(
PRAGMA user_version=12;
CREATE TABLE projects (id TEXT PRIMARY KEY, name TEXT NOT NULL, created_at REAL NOT NULL);
CREATE TABLE memories (id TEXT PRIMARY KEY, project_id TEXT REFERENCES projects(id),
  category TEXT NOT NULL,
  context_level TEXT NOT NULL, content TEXT NOT NULL,
  importance REAL NOT NULL CHECK (importance BETWEEN 0 AND 1),
  tags TEXT, metadata TEXT, embedding BLOB, embedding_model TEXT, created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  last_accessed TEXT, content_hash TEXT NOT NULL);
CREATE TABLE memory_relationships (source_id TEXT NOT NULL REFERENCES memories(id),
  target_id TEXT NOT NULL REFERENCES memories(id),
  relation TEXT NOT NULL, confidence REAL, PRIMARY KEY (source_id, target_id,
  relation)) WITHOUT ROWID;
CREATE TABLE code_units (id TEXT PRIMARY KEY, project_id TEXT NOT NULL REFERENCES projects(id),
  unit_type TEXT, name TEXT NOT NULL,
  file_path TEXT NOT NULL, start_line INTEGER, end_line INTEGER, language TEXT, content TEXT,
  embedding BLOB, embedding_model TEXT, indexed_at REAL);
CREATE TABLE conversations (id INTEGER PRIMARY KEY, started_at TEXT NOT NULL,
  messages TEXT NOT NULL);
)";

constexpr char const* schema_after_rows = R"(
CREATE INDEX memories_by_project ON memories(project_id, category);
CREATE UNIQUE INDEX memories_by_content ON memories(content_hash, id);
CREATE INDEX code_by_file ON code_units(file_path, start_line);
CREATE VIRTUAL TABLE content_search USING fts5(content, tokenize='porter unicode61');
INSERT INTO content_search(rowid, content) SELECT rowid,
  content FROM memories ORDER BY rowid LIMIT 20000;
)";

constexpr unsigned dimensions = 384;
constexpr char const* model = "all-MiniLM-L6-v2";

std::string make_uuid(Dice& dice) {
    std::uint64_t const high = dice.next(), low = dice.next();
    return fmt::format("{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}", high >> 32, high >> 16 & 0xffff,
                       high & 0xfff, low >> 48 & 0xfff, low & 0xffffffffffff);
}

class Assistant {
public:
    Assistant(SampleOptions const& options, Database database)
        : options_(options), database_(std::move(database)), dice_(options.seed, "assistant") {}

    Result<void> make(std::stop_token const& stop) {
        PD_CHECK(database_.run(schema));
        PD_CHECK(make_projects());
        PD_CHECK(make_memories(stop));
        PD_CHECK(make_code());
        PD_CHECK(make_conversations());
        PD_CHECK(database_.run(schema_after_rows));
        return database_.finish();
    }

private:
    Result<void> make_projects();
    Result<void> make_memories(std::stop_token const& stop);
    Result<void> make_memory(Insert& memory, std::string const& id);
    Result<void> make_code();
    Result<void> make_conversations();

    SampleOptions options_;
    Database database_;
    Dice dice_;
    std::vector<std::string> projects_;
};

Result<void> Assistant::make_projects() {
    constexpr std::string_view names[] = {"perdure", "home-automation", "thesis", "قهوة", "料理"};
    Insert project = database_.insert_into("projects", 3);
    for (std::string_view name : names) {
        projects_.push_back(make_uuid(dice_));
        double const created = static_cast<double>(time_before(dice_, options_.now, 900).seconds);
        PD_CHECK(project.add(projects_.back()).add(name).add(created + dice_.fraction()).run());
    }
    return {};
}

Result<void> Assistant::make_memories(std::stop_token const& stop) {
    Insert memory = database_.insert_into("memories", 14);
    Insert relation =
        database_.prepare("INSERT OR IGNORE INTO memory_relationships VALUES (?,?,?,?)");
    std::string before = make_uuid(dice_);
    PD_CHECK(make_memory(memory, before));
    for (std::uint64_t i = 1; i < std::max<std::uint64_t>(options_.size / 8, 20); ++i) {
        if (i % 1024 == 0 && stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        std::string const id = make_uuid(dice_);
        PD_CHECK(make_memory(memory, id));
        if (dice_.chance(20))
            PD_CHECK(relation.add(id).add(before).add("relates_to").add(dice_.fraction()).run());
        if (dice_.chance(30)) before = id;
    }
    return {};
}

Result<void> Assistant::make_memory(Insert& memory, std::string const& id) {
    constexpr std::string_view categories[] = {"preference", "fact", "event", "workflow",
                                               "context"};
    constexpr std::string_view levels[] = {"USER_PREFERENCE", "PROJECT_CONTEXT", "SESSION_STATE"};
    Language const language = pick_language(dice_);
    std::string const content = make_remark(dice_, language);
    Timestamp const created = time_before(dice_, options_.now, 400);
    memory.add(id);
    if (dice_.chance(85))
        memory.add(dice_.pick(std::span(std::as_const(projects_))));
    else
        memory.add_null();
    memory.add(dice_.pick(categories)).add(dice_.pick(levels)).add(content).add(dice_.fraction());
    memory.add(fmt::format(R"(["{}","{}"])", make_tag(dice_), make_tag(dice_)));
    memory.add(
        fmt::format(R"({{"source":"chat","turn":{},"big":{}}})", dice_.below(400), dice_.next()));
    if (dice_.chance(90))
        memory.add_bytes(make_embedding(dice_, dimensions)).add(model);
    else
        memory.add_null().add_null();
    memory.add(local_time(dice_, created));
    memory.add(local_time(dice_, created + std::chrono::seconds(dice_.below(86400))));
    if (dice_.chance(50))
        memory.add(local_time(dice_, time_before(dice_, options_.now, 60)));
    else
        memory.add_null();
    return memory.add(to_hex(crypto::sha256(as_bytes(content)))).run();
}

Result<void> Assistant::make_code() {
    constexpr std::string_view types[] = {"function", "class", "method"};
    Insert unit = database_.insert_into("code_units", 12);
    for (std::uint64_t i = 0; i < std::max<std::uint64_t>(options_.size / 16, 15); ++i) {
        std::string const name = fmt::format("step_{}", dice_.below(100'000));
        auto const line = static_cast<std::int64_t>(dice_.between(1, 2000));
        unit.add(make_uuid(dice_)).add(dice_.pick(std::span(std::as_const(projects_))));
        unit.add(dice_.pick(types)).add(name).add(fmt::format("src/{}/{}.py", i % 17, name));
        unit.add(line).add(line + static_cast<std::int64_t>(dice_.between(1, 80))).add("python");
        unit.add(fmt::format("def {}(x):\n    \"\"\"{}\"\"\"\n    return x + {}\n", name,
                             make_title(dice_, Language::english), dice_.below(1000)));
        unit.add_bytes(make_embedding(dice_, dimensions)).add(model);
        double const indexed = static_cast<double>(time_before(dice_, options_.now, 100).seconds);
        PD_CHECK(unit.add(indexed + 0.5).run());
    }
    return {};
}

Result<void> Assistant::make_conversations() {
    Insert conversation = database_.insert_into("conversations", 3);
    for (std::int64_t id = 1; id <= 25; ++id) {
        std::string messages = "[";
        for (std::uint64_t i = 0, n = dice_.between(2, 6); i < n; ++i)
            messages +=
                fmt::format(R"({}{{"role":"{}","text":"{}"}})", i > 0 ? "," : "",
                            i % 2 == 0 ? "user" : "assistant", make_title(dice_, Language::german));
        conversation.add(id).add(local_time(dice_, time_before(dice_, options_.now, 90)));
        PD_CHECK(conversation.add(messages + "]").run());
    }
    return {};
}

}  // namespace

Result<void> make_assistant(system::Path const& folder, SampleOptions const& options,
                            std::stop_token stop) {
    PD_CHECK(system::make_folders(folder, 0755));
    PD_TRY(Database database, Database::create(folder / "memory.db"));
    return Assistant(options, std::move(database)).make(stop);
}

}  // namespace perdure::demo
