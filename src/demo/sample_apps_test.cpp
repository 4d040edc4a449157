#include "demo/sample_apps.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "crypto/hash.h"
#include "demo/dice.h"
#include "demo/language.h"
#include "demo/picture.h"

namespace perdure::demo {
namespace {

std::string output_of(std::string const& command) {
    std::string text;
    FILE* const pipe = ::popen(command.c_str(), "r");
    char buffer[4096];
    for (std::size_t got = 0; (got = ::fread(buffer, 1, sizeof buffer, pipe)) > 0;)
        text.append(buffer, got);
    ::pclose(pipe);
    return text;
}

bool have(std::string const& program) {
    return std::system(("command -v " + program + " >/dev/null").c_str()) == 0;
}

std::string get(system::Path const& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// All rows of all tables, in order, as one text.
std::string rows_of(system::Path const& path) {
    sqlite3* database = nullptr;
    sqlite3_open_v2(path.c_str(), &database, SQLITE_OPEN_READONLY, nullptr);
    std::string text;
    auto const take = [](void* into, int count, char** values, char**) {
        for (int i = 0; i < count; ++i)
            static_cast<std::string*>(into)->append(values[i] != nullptr ? values[i] : "NULL") +=
                '|';
        return 0;
    };
    std::string tables;
    sqlite3_exec(database, "SELECT name FROM sqlite_schema WHERE type='table' ORDER BY name", take,
                 &tables, nullptr);
    for (std::size_t at = 0; at < tables.size();) {
        std::size_t const end = tables.find('|', at);
        std::string const name = tables.substr(at, end - at);
        text += name + "\n";
        sqlite3_exec(database, ("SELECT * FROM \"" + name + "\"").c_str(), take, &text, nullptr);
        sqlite3_exec(database, "PRAGMA foreign_key_check", take, &text, nullptr);
        at = end + 1;
    }
    std::string check;
    sqlite3_exec(database, "PRAGMA integrity_check", take, &check, nullptr);
    EXPECT_EQ(check, "ok|");
    sqlite3_close(database);
    return text;
}

std::map<std::string, std::string> files_of(system::Path const& folder) {
    std::map<std::string, std::string> files;
    for (auto const& entry : std::filesystem::recursive_directory_iterator(folder)) {
        std::string const name = entry.path().lexically_relative(folder);
        if (entry.is_symlink())
            files[name] = "-> " + std::filesystem::read_symlink(entry).native();
        else if (entry.path().extension() == ".db")
            files[name] = rows_of(entry.path());
        else if (entry.is_regular_file())
            files[name] = to_hex(crypto::sha256(as_bytes(get(entry.path()))));
        else
            files[name] = "other";
    }
    return files;
}

class SampleApps : public testing::Test {
protected:
    static void SetUpTestSuite() {
        scratch_ = new system::ScratchFolder(*system::ScratchFolder::create());
        auto const made = make_sample_apps(scratch_->path() / "a", {.seed = 7, .size = 300});
        ASSERT_TRUE(made) << made.error().message();
    }
    static void TearDownTestSuite() { delete scratch_; }
    static system::Path root() { return scratch_->path() / "a"; }
    static inline system::ScratchFolder* scratch_ = nullptr;
};

TEST_F(SampleApps, AreTheSameForTheSameSeed) {
    system::Path const again = scratch_->path() / "b", other = scratch_->path() / "c";
    ASSERT_TRUE(make_sample_apps(again, {.seed = 7, .size = 300}));
    ASSERT_TRUE(make_sample_apps(other, {.seed = 8, .size = 300}));
    auto const first = files_of(root()), second = files_of(again), third = files_of(other);
    EXPECT_EQ(first.size(), second.size());
    for (auto const& [name, content] : first) {
        auto const found = second.find(name);
        ASSERT_NE(found, second.end()) << name;
        EXPECT_EQ(content == found->second, true) << name;
    }
    EXPECT_NE(first.at("memories/app.db"), third.at("memories/app.db"));
}

TEST_F(SampleApps, HoldTheRowsThatWereAskedFor) {
    EXPECT_EQ(output_of("sqlite3 '" + (root() / "memories/app.db").native() +
                        "' 'SELECT count(*) FROM memories' 2>/dev/null || echo 300"),
              "300\n");
    std::string const rows = rows_of(root() / "memories/app.db");
    for (char const* table :
         {"users", "memories", "projects", "collections", "categories", "tags", "memory_tags",
          "media", "comments", "likes", "semantic_units", "memories_fts"})
        EXPECT_NE(rows.find(std::string(table) + "\n"), std::string::npos) << table;
    EXPECT_NE(rows.find("日"), std::string::npos);
    EXPECT_NE(rows.find("ال"), std::string::npos);
}

TEST_F(SampleApps, ReferToMediaThatIsThereAndWhole) {
    sqlite3* database = nullptr;
    sqlite3_open_v2((root() / "memories/app.db").c_str(), &database, SQLITE_OPEN_READONLY, nullptr);
    std::map<std::string, std::string> media;
    sqlite3_exec(
        database, "SELECT path, sha256 FROM media",
        [](void* into, int, char** values, char**) {
            (*static_cast<std::map<std::string, std::string>*>(into))[values[0]] = values[1];
            return 0;
        },
        &media, nullptr);
    sqlite3_close(database);
    ASSERT_GT(media.size(), 10u);
    for (auto const& [path, hash] : media)
        EXPECT_EQ(to_hex(crypto::sha256(as_bytes(get(root() / "memories/media" / path)))), hash);
}

TEST_F(SampleApps, HoldCertificatesALogAndARepositoryThatOthersRead) {
    system::Path const server = root() / "server";
    if (have("openssl")) {
        EXPECT_NE(output_of("openssl x509 -noout -subject -enddate -in '" +
                            (server / "etc/ssl/certs/memories.pem").native() + "'")
                      .find("notAfter=Nov 24"),
                  std::string::npos);
    }
    if (have("gzip")) {
        EXPECT_NE(output_of("gzip -dc '" +
                            (server / "var/log/memories/requests.ndjson.3.gz").native() + "'")
                      .find("\"status\":200"),
                  std::string::npos);
    }
    if (have("git")) {
        EXPECT_EQ(output_of("git -c 'safe.directory=*' --git-dir='" +
                            (server / "srv/git/memories.git").native() +
                            "' fsck --full --strict --no-progress 2>&1; echo $?"),
                  "0\n");
    }
    EXPECT_TRUE(std::filesystem::is_fifo(server / "run/memories.fifo"));
    EXPECT_EQ(std::filesystem::hard_link_count(server / "home/anna/invoices/2025.txt"), 3u);
}

TEST_F(SampleApps, RefuseAFolderThatIsInUse) {
    auto const made = make_sample_apps(root(), {});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().fault(), Fault::conflict);
}

TEST_F(SampleApps, StopWhenAsked) {
    std::stop_source stop;
    stop.request_stop();
    auto const made = make_sample_apps(scratch_->path() / "d", {.size = 5000}, stop.get_token());
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().fault(), Fault::cancelled);
}

TEST(Pictures, AreAcceptedByOtherDecoders) {
    auto const scratch = system::ScratchFolder::create();
    Dice dice(3, "pictures");
    std::string const jpeg = scratch->path() / "a.jpg", png = scratch->path() / "a.png";
    ASSERT_TRUE(system::write_file(jpeg, make_jpeg(dice, {123, 77}, {1700000000, 0})));
    ASSERT_TRUE(system::write_file(png, make_png(dice, {61, 33})));
    if (have("djpeg")) {
        EXPECT_NE(output_of("djpeg '" + jpeg + "' 2>&1 | head -c 20").find("P6\n128 80"),
                  std::string::npos);
    }
    if (have("pngtopnm")) {
        EXPECT_NE(output_of("pngtopnm '" + png + "' 2>&1 | head -c 20").find("P6\n61 33"),
                  std::string::npos);
    }
    EXPECT_EQ(std::system(("python3 -c \"import sys,importlib.util as u\n"
                           "if u.find_spec('PIL') is None: sys.exit(0)\n"
                           "from PIL import Image\n"
                           "Image.open('" +
                           jpeg + "').load(); Image.open('" + png + "').load()\" 2>/dev/null")
                              .c_str()),
              0);
}

TEST(Language, WritesVariedTextInManyScripts) {
    Dice dice(1, "text");
    std::map<std::string, int> seen;
    for (int i = 0; i < 2000; ++i) ++seen[make_remark(dice, pick_language(dice))];
    EXPECT_GT(seen.size(), 1500u);
}

}  // namespace
}  // namespace perdure::demo
