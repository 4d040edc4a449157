// Random edits against a model: whatever was chosen, whatever the strategy, the database holds what
// a few lines of plain maps say, its full-text index agrees, and an undo gives back every byte.
#include <algorithm>

#include "origin/merge/merge_testing.h"

namespace perdure::origin::testing {
namespace {

constexpr char const* schema = R"(
CREATE TABLE users(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE NOT NULL);
CREATE TABLE memories(id INTEGER PRIMARY KEY, owner INTEGER REFERENCES users(id), title TEXT,
  content TEXT, updated INTEGER, parent INTEGER REFERENCES memories(id),
  size INTEGER GENERATED ALWAYS AS (length(content)) STORED);
CREATE TABLE tags(name TEXT PRIMARY KEY COLLATE NOCASE, color);
CREATE TABLE memory_tags(memory INTEGER REFERENCES memories(id), tag TEXT REFERENCES tags(name),
  weight REAL, PRIMARY KEY(memory, tag)) WITHOUT ROWID;
CREATE TABLE "odd'; DROP TABLE ""users"""("a b" BLOB, "select" TEXT, "x""y" INTEGER PRIMARY KEY);
CREATE TABLE plain(x, y);
CREATE TABLE log(at INTEGER PRIMARY KEY, what TEXT);
CREATE VIRTUAL TABLE memories_fts USING fts5(title, content, content='memories',
  content_rowid='id');
CREATE VIRTUAL TABLE own_fts USING fts5(title);
CREATE TRIGGER m_ai AFTER INSERT ON memories BEGIN
  INSERT INTO memories_fts(rowid, title, content) VALUES (new.id, new.title, new.content);
  INSERT INTO own_fts(rowid, title) VALUES (new.id, new.title);
  INSERT INTO log(what) VALUES ('insert ' || new.id); END;
CREATE TRIGGER m_ad AFTER DELETE ON memories BEGIN
  INSERT INTO memories_fts(memories_fts, rowid, title, content)
    VALUES ('delete', old.id, old.title, old.content);
  DELETE FROM own_fts WHERE rowid = old.id;
  INSERT INTO log(what) VALUES ('delete ' || old.id); END;
CREATE TRIGGER m_au AFTER UPDATE ON memories BEGIN
  INSERT INTO memories_fts(memories_fts, rowid, title, content)
    VALUES ('delete', old.id, old.title, old.content);
  INSERT INTO memories_fts(rowid, title, content) VALUES (new.id, new.title, new.content);
  UPDATE own_fts SET title = new.title WHERE rowid = new.id;
  INSERT INTO log(what) VALUES ('update ' || new.id); END;
)";

data::Mapping mapping() {
    return {.subjects = {},
            .records = {{"memory",
                         "memories",
                         {{"title", "title"},
                          {"updated", "updated"},
                          {"tags", "memory_tags(memory, tag) -> tags.name"}}}}};
}

class Case {
public:
    explicit Case(unsigned seed) : random_(seed) {
        bool const in_memory = system::exists("/dev/shm");
        auto folder = system::ScratchFolder::create(in_memory ? "/dev/shm" : "");
        folder_.emplace(std::move(*folder));
        before_ = folder_->path() / "before.db";
        live_ = folder_->path() / "live?#%.db";  // a name that a URI must escape
    }

    int below(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }
    std::string word() { return "w" + std::to_string(random_() % 1'000'000'007ull); }

    /// Few enough that the two sides give one name to two people.
    std::string name() { return "n" + std::to_string(below(8)); }

    void edit(Connection& database, int rounds) {
        for (int i = 0; i < rounds; ++i) {
            auto const id = std::to_string(1 + below(14));
            auto const done = database.run(statement(id));
            static_cast<void>(done);  // what a constraint refuses is no edit
        }
    }

    std::string statement(std::string const& id) {
        auto const time = std::to_string(1'000'000'000 + below(50));
        auto const other = std::to_string(1 + below(14));
        switch (below(16)) {
            case 0:
            case 12:
            case 13:
                return "INSERT INTO users(id, name) VALUES(" + id + ", '" + name() + "')";
            case 1:
            case 14:
                return "UPDATE users SET name = '" + name() + "' WHERE id = " + id;
            case 2:
            case 3:
                return "INSERT INTO memories(id, owner, title, content, updated, parent) SELECT " +
                       id + ", (SELECT max(id) FROM users WHERE id <= " + other + "), '" + word() +
                       "', '" + word() + " " + word() + "', " +
                       (below(5) ? time : std::string("NULL")) +
                       ", (SELECT max(id) FROM memories WHERE id < " + other + ")";
            case 4:
                return "UPDATE memories SET content = '" + word() + "', updated = " + time +
                       " WHERE id = " + id;
            case 5:
                return "UPDATE memories SET title = '" + word() + "' WHERE id = " + id;
            case 6:
                return "DELETE FROM memories WHERE id = " + id;
            case 7:
                return "INSERT INTO tags VALUES('t" + id + "', x'00ff" + (below(2) ? "00" : "ab") +
                       "')";
            case 8:
                return "INSERT INTO memory_tags SELECT m.id, t.name, 0." + id +
                       " FROM memories m, tags t WHERE m.id = " + other + " LIMIT 2";
            case 9:
                return "DELETE FROM memory_tags WHERE memory = " + id;
            case 10:
                return "INSERT OR REPLACE INTO \"odd'; DROP TABLE \"\"users\"\"\" VALUES(x'" +
                       std::string(below(2) ? "00" : "") + "', '" + word() + "', " + id + ")";
            default:
                return below(2) ? "INSERT INTO plain VALUES(" + time + ", 1e300)"
                                : "DELETE FROM users WHERE id = " + id;
        }
    }

    void prepare() {
        {
            auto database = open_for_writing(before_);
            constexpr char const* encodings[] = {"UTF-8", "UTF-8", "UTF-16le", "UTF-16be"};
            ASSERT_TRUE(database.run("PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON;" +
                                     std::string(below(2) ? "PRAGMA journal_mode = WAL;" : "") +
                                     "PRAGMA encoding = " + literal(encodings[below(4)]) + ";" +
                                     schema));
            edit(database, 40);
            ASSERT_TRUE(database.run("PRAGMA journal_mode = DELETE"));
        }
        std::filesystem::copy_file(before_, live_);
        auto database = open_for_writing(live_);
        ASSERT_TRUE(database.run("PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON"));
        edit(database, 30);
    }

    MergeRequest request(data::Strategy strategy, bool remove) {
        MergeRequest request;
        request.target = {.name = "app", .type = "sqlite", .path = live_};
        request.snapshot = {.name = "app", .type = "sqlite", .path = before_, .mapping = mapping()};
        request.strategy = strategy;
        request.remove = remove;
        request.now = {2'000'000'000, 0};
        return request;
    }

    system::Path const& before() const { return before_; }
    system::Path const& live() const { return live_; }

private:
    std::mt19937_64 random_;
    std::optional<system::ScratchFolder> folder_;
    system::Path before_, live_;
};

bool replaces(data::Strategy strategy, std::string const& table,
              std::vector<std::string> const& live, std::vector<std::string> const& snapshot) {
    if (strategy == data::Strategy::overwrite) return true;
    if (strategy != data::Strategy::keep_newer && strategy != data::Strategy::keep_oldest)
        return false;
    if (table != "memories" || live[4] == "NULL" || snapshot[4] == "NULL") return false;
    auto const here = std::stoll(live[4]), there = std::stoll(snapshot[4]);
    return strategy == data::Strategy::keep_newer ? there > here : there < here;
}

/// Whether another live row holds the name, which only one may bear, and will go on doing so.
template <typename GivesWay>
bool name_is_taken(Dump const& live, std::string const& table, std::string const& key,
                   std::vector<std::string> const& row, GivesWay const& gives_way) {
    if (table != "users") return false;
    return std::ranges::any_of(live.at("users"), [&](auto const& other) {
        return other.first != key && other.second[1] == row[1] && !gives_way(other.first);
    });
}

using Keys = std::set<std::pair<std::string, std::string>>;  ///< table, key

struct Link {
    char const *table, *parent;
    std::size_t column;
};
constexpr Link links[] = {{"memories", "users", 1},
                          {"memories", "memories", 5},
                          {"memory_tags", "memories", 0},
                          {"memory_tags", "tags", 1}};

/// Rows that the snapshot lacks and that --delete leaves, since rows refer to them that stay.
Keys held_rows(Dump const& live, Dump const& snapshot, data::Strategy strategy) {
    Keys held;
    for (bool more = true; more;) {
        more = false;
        for (auto const& link : links) {
            for (auto const& [key, row] : live.at(link.table)) {
                auto const known = snapshot.at(link.table).find(key);
                bool const stays = known == snapshot.at(link.table).end()
                                       ? held.contains({link.table, key})
                                       : strategy != data::Strategy::overwrite ||
                                             known->second[link.column] == row[link.column];
                auto const parent = "/" + row[link.column];
                bool const goes = live.at(link.parent).contains(parent) &&
                                  !snapshot.at(link.parent).contains(parent);
                if (stays && goes) more |= held.emplace(link.parent, parent).second;
            }
        }
    }
    return held;
}

/// People who are not there and whose name is taken: they and what refers to them stay away.
template <typename GivesWay>
std::set<std::string> barred_people(Dump const& live, Dump const& snapshot,
                                    GivesWay const& gives_way) {
    std::set<std::string> out;
    for (auto const& [key, row] : snapshot.at("users")) {
        bool const there = live.at("users").contains(key);
        if (!there && name_is_taken(live, "users", key, row, gives_way)) out.insert(key);
    }
    return out;
}

/// The model: a whole snapshot merged into the live database.
Dump expected(Dump const& before, Dump const& snapshot, data::Strategy strategy, bool remove) {
    auto live = before;
    auto const held = remove ? held_rows(before, snapshot, strategy) : Keys();
    auto const gives_way = [&](std::string const& key) {
        bool const known = snapshot.at("users").contains(key);
        return known ? strategy == data::Strategy::overwrite
                     : remove && !held.contains({"users", key});
    };
    auto const people = barred_people(before, snapshot, gives_way);
    auto const barred = [&](std::string const& table, std::vector<std::string> const& row) {
        if (table == "memories") return people.contains("/" + row[1]);
        if (table != "memory_tags") return false;
        auto const memory = "/" + row[0];
        auto const there = snapshot.at("memories").find(memory);
        return there != snapshot.at("memories").end() && !before.at("memories").contains(memory) &&
               people.contains("/" + there->second[1]);
    };
    for (auto const& [table, rows] : snapshot) {
        auto& into = live[table];
        for (auto const& [key, row] : rows) {
            auto const found = into.find(key);
            bool const same = found != into.end() && found->second == row;
            if (same || name_is_taken(before, table, key, row, gives_way)) continue;
            if (barred(table, row)) continue;
            if (found == into.end()) {
                into[key] = row;
            } else if (replaces(strategy, table, found->second, row)) {
                found->second = row;
            }
        }
        if (!remove) continue;
        std::erase_if(into, [&, name = table](auto const& row) {
            return !rows.contains(row.first) && !held.contains({name, row.first});
        });
    }
    return live;
}

/// The index over memories agrees with memories, and own_fts holds what the triggers would have
/// put.
void check_text(system::Path const& path) {
    auto database = open_for_writing(path);
    auto const sound = database.run(
        "INSERT INTO memories_fts(memories_fts, rank) VALUES('integrity-check', 1);"
        "INSERT INTO own_fts(own_fts) VALUES('integrity-check');");
    EXPECT_TRUE(sound) << sound.error().message();
    auto const differing = database.integer(
        "SELECT count(*) FROM (SELECT id, title FROM memories EXCEPT SELECT rowid, title FROM "
        "own_fts) ");
    EXPECT_EQ(*differing, 0);
    EXPECT_EQ(*database.text("PRAGMA integrity_check"), "ok");
    EXPECT_EQ(*database.integer("SELECT count(*) FROM pragma_foreign_key_check"), 0);
}

std::string difference(Dump const& wanted, Dump const& found) {
    std::string out;
    for (auto const& [table, rows] : wanted) {
        auto const& other = found.at(table);
        for (auto const& [key, row] : rows) {
            auto const at = other.find(key);
            if (at == other.end()) out += table + " lacks " + key + "\n";
            if (at == other.end() || at->second == row) continue;
            out += table + " " + key + " differs:";
            for (std::size_t i = 0; i < row.size(); ++i)
                if (row[i] != at->second[i]) out += " " + row[i] + " / " + at->second[i];
            out += "\n";
        }
        for (auto const& [key, row] : other) {
            if (!rows.contains(key)) out += table + " has too much " + key + "\n";
        }
    }
    return out;
}

/// References that would point to nothing, names that would stand twice: then, and only then, a
/// restore has to be refused.
std::string faults_of(Dump const& dump) {
    std::string out;
    auto const refer = [&](std::string const& from, std::string const& table,
                           std::string const& key) {
        if (key != "NULL" && !dump.at(table).contains("/" + key)) {
            out += from + " refers to " + table + "/" + key + "\n";
        }
    };
    for (auto const& [key, row] : dump.at("memories")) {
        refer("memories" + key, "users", row[1]);
        refer("memories" + key, "memories", row[5]);
    }
    std::set<std::string> names;
    for (auto const& [key, row] : dump.at("users")) {
        if (!names.insert(row[1]).second) out += "two users are called " + row[1] + "\n";
    }
    for (auto const& [key, row] : dump.at("memory_tags")) {
        refer("memory_tags" + key, "memories", row[0]);
        refer("memory_tags" + key, "tags", row[1]);
    }
    return out;
}

/// Whether the model wanted the refusal that came, or none; nothing may have happened then.
bool refused_rightly(Result<Done> const& done, std::string const& faults, Dump const& live,
                     system::Path const& path) {
    EXPECT_EQ(done.has_value(), faults.empty())
        << faults << (done ? std::string("was not refused") : done.error().message());
    if (done) return false;
    EXPECT_EQ(done.error().code(), 15) << done.error().message();
    auto const& words = done.error().message();
    EXPECT_TRUE(words.find("point to nothing") != words.npos || words.find("UNIQUE") != words.npos)
        << words;
    EXPECT_EQ(difference(live, dump(path)), "") << "a refused restore wrote";
    return true;
}

/// How many of the cases came to each end: a test that only sees one of them tests nothing.
struct Ends {
    unsigned restored = 0, refused = 0, blocked = 0;  ///< blocked: of `restored`, in part
    void count(Done const& done) {
        ++restored;
        blocked += std::ranges::any_of(done.items, [](MergeItem const& item) {
            return item.finding == MergeItem::Finding::blocked;
        });
    }
};

void whole_database(unsigned seed, Ends& ends) {
    using enum data::Strategy;
    constexpr data::Strategy strategies[] = {keep_newer, keep_older, keep_oldest, skip, overwrite};
    Case one(seed);
    one.prepare();
    auto const strategy = strategies[one.below(5)];
    bool const remove = one.below(2) == 1;
    auto const live = dump(one.live()), snapshot = dump(one.before());
    auto const plan = merge(one.request(strategy, remove), Merge::Mode::read);
    ASSERT_TRUE(plan) << plan.error().message();
    EXPECT_EQ(dump(one.live()), live) << "a plan wrote";
    auto const done = merge(one.request(strategy, remove), Merge::Mode::write);
    auto const wanted = expected(live, snapshot, strategy, remove);
    if (refused_rightly(done, faults_of(wanted), live, one.live())) {
        ++ends.refused;
        return;
    }
    if (!done) return;
    ends.count(*done);
    EXPECT_EQ(done->items.size(), plan->items.size()) << "dry run and real run differ";
    EXPECT_EQ(difference(wanted, dump(one.live())), "");
    check_text(one.live());
    auto const back = undo(one.live(), done->written, done->changes);
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(difference(live, dump(one.live())), "") << "after the undo";
    check_text(one.live());
    auto const again = undo(one.live(), back->written, back->changes);
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(difference(wanted, dump(one.live())), "") << "after the undo of the undo";
    check_text(one.live());
}

unsigned cases() {
    char const* const wanted = std::getenv("PERDURE_MERGE_CASES");
    return wanted ? static_cast<unsigned>(std::atoi(wanted)) : 600;
}

TEST(MergeModel, AWholeSnapshotMergesAsTheModelSaysAndComesUndone) {
    Ends ends;
    for (unsigned seed = 0; seed < cases(); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        whole_database(seed, ends);
        if (::testing::Test::HasFailure()) return;
    }
    EXPECT_GT(ends.restored, cases() / 2);
    EXPECT_GT(ends.blocked, cases() / 40);
    std::printf("%u restored, %u of them in part, %u refused, as the model says\n", ends.restored,
                ends.blocked, ends.refused);
}

/// Some records, their tags, and whatever they refer to and the target lacks.
Dump expected_part(Dump live, Dump const& snapshot, std::set<std::string> const& chosen,
                   data::Strategy strategy) {
    auto const before = live;
    auto const stays = [](std::string const&) { return false; };
    std::vector<std::pair<std::string, std::string>> parents;  // table, key: only if missing
    auto const people = barred_people(before, snapshot, stays);
    auto const put = [&](std::string const& table, std::string const& key) {
        auto const& row = snapshot.at(table).at(key);
        if (table == "memories" && people.contains("/" + row[1])) return;
        auto const found = live[table].find(key);
        if (found == live[table].end()) {
            live[table][key] = row;
        } else if (found->second != row && replaces(strategy, table, found->second, row)) {
            found->second = row;
        }
    };
    auto const refer = [&](std::vector<std::string> const& memory) {
        parents.emplace_back("users", "/" + memory[1]);
        parents.emplace_back("memories", "/" + memory[5]);
    };
    for (auto const& key : chosen) {
        put("memories", key);
        auto const& row = snapshot.at("memories").at(key);
        refer(row);
        auto const now = live["memories"].find(key);
        bool const stays_there = now == live["memories"].end() || now->second != row;
        for (auto const& [tag_key, row] : snapshot.at("memory_tags")) {
            if ("/" + row[0] != key) continue;
            if (!stays_there) put("memory_tags", tag_key);
            parents.emplace_back("tags", "/" + row[1]);
        }
    }
    for (std::size_t at = 0; at < parents.size(); ++at) {
        auto const [table, key] = parents[at];
        auto const& rows = snapshot.at(table);
        if (!rows.contains(key) || live[table].contains(key)) continue;
        if (name_is_taken(before, table, key, rows.at(key), stays)) continue;
        if (table == "memories") refer(rows.at(key));
        put(table, key);
    }
    return live;
}

void some_records(unsigned seed, Ends& ends) {
    using enum data::Strategy;
    constexpr data::Strategy strategies[] = {keep_newer, keep_older, keep_oldest, skip, overwrite};
    Case one(seed);
    one.prepare();
    auto const live = dump(one.live()), snapshot = dump(one.before());
    auto request = one.request(strategies[one.below(5)], false);
    std::set<std::string> chosen;
    for (auto const& [key, row] : snapshot.at("memories")) {
        if (one.below(3)) continue;
        chosen.insert(key);
        request.selectors.push_back(*data::parse_selector("app:memory" + key));
    }
    if (chosen.empty()) return;
    auto const strategy = request.strategy;
    auto const done = merge(request, Merge::Mode::write);
    auto const expecting = expected_part(live, snapshot, chosen, strategy);
    if (refused_rightly(done, faults_of(expecting), live, one.live())) {
        ++ends.refused;
        return;
    }
    if (!done) return;
    ends.count(*done);
    EXPECT_EQ(difference(expecting, dump(one.live())), "");
    check_text(one.live());
    // Later changes of others stay, and everything else becomes what it was.
    run_sql(one.live(),
            "INSERT INTO plain VALUES('later', 1); INSERT INTO users(id, name) "
            "VALUES(999, 'later')");
    auto wanted = live;
    auto const later = dump(one.live());
    wanted["plain"] = later.at("plain");
    wanted["users"]["/999"] = later.at("users").at("/999");
    auto const back = undo(one.live(), done->written, done->changes);
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(difference(wanted, dump(one.live())), "");
    check_text(one.live());
}

TEST(MergeModel, SomeRecordsBringWhatTheyNeedAndNothingElse) {
    Ends ends;
    for (unsigned seed = 0; seed < cases(); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        some_records(100'000 + seed, ends);
        if (::testing::Test::HasFailure()) return;
    }
    EXPECT_GT(ends.restored, cases() / 2);
    std::printf("%u restored, %u refused, as the model says\n", ends.restored, ends.refused);
}

}  // namespace
}  // namespace perdure::origin::testing
