#include <fcntl.h>

#include <algorithm>

#include "data/bytes/memory_content.h"
#include "origin/files/target.h"
#include "origin/tree_testing.h"

namespace perdure::origin {
namespace {

/// What SQLite would take for its files, by their first bytes.
std::string database(char fill) {
    return std::string("SQLite format 3\0", 16) + std::string(1024 - 16, fill);
}
std::string log(char fill) {
    return "\x37\x7f\x06\x82" + std::string(60, fill);
}

class DatabaseFilesTest : public ::testing::Test {
protected:
    std::string at(std::string const& name) { return get(folder_ / name); }
    /// Paths that were refused.
    std::vector<std::string> restore(std::vector<std::pair<std::string, std::string>> const& files,
                                     std::string const& link = {}) {
        TargetOptions options;
        options.folder = folder_;
        options.overwrite = true;
        auto const target = open_files_target(options).value();
        data::Entry entry;
        entry.mode = 0600;
        for (auto const& [path, text] : files) {
            entry.size = text.size();
            data::MemorySource content(as_bytes(text));
            auto const done = target->write_file(path, entry, content);
            EXPECT_TRUE(done || done.error().code() == 3) << done.error().message();
        }
        if (!link.empty()) {
            entry.same_as = files.front().first;
            EXPECT_TRUE(target->make_other(link, entry));
        }
        entry = {};
        entry.kind = data::EntryKind::folder;
        entry.mode = 0755;
        EXPECT_TRUE(target->finish_folder("", entry));
        std::vector<std::string> refused;
        for (auto const& problem : target->take_problems())
            if (problem.reason.find("left alone") != std::string::npos)
                refused.push_back(problem.path);
        std::ranges::sort(refused);
        return refused;
    }

    system::ScratchFolder scratch_ = system::ScratchFolder::create().value();
    system::Path folder_ = scratch_.path() / "to";
};

using Paths = std::vector<std::string>;

TEST_F(DatabaseFilesTest, WhatSomebodyHasOpenStaysWithItsSideFiles) {
    put(folder_ / "app.db", database('a'));
    put(folder_ / "one", "old");
    int const open = ::open((folder_ / "app.db").c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_GE(open, 0);
    EXPECT_EQ(restore({{"app.db", database('b')}, {"app.db-wal", log('b')}, {"one", "new"}}),
              (Paths{"app.db", "app.db-wal"}));
    EXPECT_EQ(at("app.db"), database('a'));
    EXPECT_FALSE(system::exists(folder_ / "app.db-wal"));
    EXPECT_EQ(at("one"), "new");
    ::close(open);
    EXPECT_EQ(restore({{"app.db", database('b')}, {"app.db-wal", log('b')}}), Paths{});
    EXPECT_EQ(at("app.db"), database('b'));
    EXPECT_EQ(at("app.db-wal"), log('b'));
}

TEST_F(DatabaseFilesTest, ADatabaseAndItsLogComeTogetherInAnyOrderOrNotAtAll) {
    for (bool log_first : {false, true}) {
        put(folder_ / "app.db", database('a'));
        put(folder_ / "app.db-wal", log('a'));
        put(folder_ / "app.db-shm", "a");
        std::vector<std::pair<std::string, std::string>> files{
            {"app.db", database('b')}, {"app.db-shm", "b"}, {"app.db-wal", log('b')}};
        if (log_first) std::ranges::reverse(files);
        EXPECT_EQ(restore({files[log_first ? 2 : 0]}), Paths{"app.db"}) << "its log is another's";
        EXPECT_EQ(restore({files[log_first ? 0 : 2]}), Paths{"app.db-wal"});
        EXPECT_EQ(at("app.db") + at("app.db-wal"), database('a') + log('a'));
        EXPECT_EQ(restore(files), Paths{});
        EXPECT_EQ(at("app.db") + at("app.db-wal") + at("app.db-shm"),
                  database('b') + log('b') + "b");
        EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 3);
    }
}

TEST_F(DatabaseFilesTest, OtherFilesMayBeNamedLikeLogs) {
    put(folder_ / "notes", "old");
    put(folder_ / "notes-wal", "old");
    put(folder_ / "left-wal", log('a'));  // of a database that is gone
    EXPECT_EQ(restore({{"notes-wal", "new"}, {"notes", "new"}, {"left-wal", log('b')}}, "linked"),
              Paths{});
    EXPECT_EQ(at("notes") + at("notes-wal") + at("linked"), "newnewnew");
    EXPECT_EQ(restore({{"left", database('b')}}), Paths{"left"});
    EXPECT_FALSE(system::exists(folder_ / "left"));
    EXPECT_EQ(restore({{"left", "no database"}}), Paths{});
}

}  // namespace
}  // namespace perdure::origin
