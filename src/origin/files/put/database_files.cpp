#include "origin/files/put/database_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "origin/holder.h"
#include "origin/sqlite_magic.h"
#include "system/file.h"

namespace perdure::origin {

namespace {

constexpr std::array<std::string_view, 3> sides{"-wal", "-journal", "-shm"};
constexpr std::array<std::string_view, 2> logs{"-wal", "-journal"};
constexpr off_t page_bytes_min = 512;  // a database's size is a multiple of it

/// The size of a regular file that stands there; negative: none does.
off_t size_of(int folder, std::string const& name) {
    struct stat status{};
    bool const there = ::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
    return there && S_ISREG(status.st_mode) ? status.st_size : -1;
}

system::File open_at(int folder, std::string const& name) {
    return system::File(
        ::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
}

/// Open, when it is one.
system::File open_database(int folder, std::string const& name) {
    auto const size = size_of(folder, name);
    if (size <= 0 || size % page_bytes_min != 0) return {};
    auto file = open_at(folder, name);
    if (!file.is_open() || !is_database(file)) return {};
    return file;
}

bool is_log(int folder, std::string const& name) {
    return size_of(folder, name) > 0 && may_be_log(open_at(folder, name));
}

std::size_t key(std::string_view path) {
    return std::hash<std::string_view>{}(path);
}

}  // namespace

std::string_view database_of(std::string_view name) {
    for (std::string_view const side : sides)
        if (name.ends_with(side)) return name.substr(0, name.size() - side.size());
    return {};
}

bool is_database(system::File const& file) {
    Bytes head(sqlite_database_magic.size());
    auto const got = file.read_at(head, 0);
    return got && *got == head.size() && as_text(head) == sqlite_database_magic;
}

bool begins_as_log(ByteView head) {
    auto const text = as_text(head);
    return text.starts_with(sqlite_journal_magic.substr(0, log_magic_bytes)) ||
           std::ranges::any_of(sqlite_log_magics,
                               [&](std::string_view magic) { return text.starts_with(magic); });
}

bool may_be_log(system::File const& file) {
    Bytes head(log_magic_bytes);
    return !file.is_open() || !file.read_at(head, 0) || begins_as_log(head);
}

bool DatabaseFiles::was_put(std::string_view path) const {
    std::lock_guard const lock(mutex_);
    return put_.contains(key(path));
}

std::string DatabaseFiles::stranger(Name const& name, std::set<std::string> const& coming) const {
    for (std::string_view const log : logs) {
        auto const path = name.path + std::string(log), beside = name.name + std::string(log);
        if (is_log(name.folder, beside) && !was_put(path) && !coming.contains(path)) return beside;
    }
    return {};
}

bool DatabaseFiles::waits(Name const& name) const {
    std::string const database(database_of(name.name));
    if (!database.empty())
        return size_of(name.folder, database) >= 0 && !was_put(database_of(name.path));
    return open_database(name.folder, name.temporary).is_open() && !stranger(name, {}).empty();
}

std::string DatabaseFiles::why_not(Name const& name, std::set<std::string> const& coming) const {
    std::string const database(database_of(name.name));
    if (!database.empty()) {
        if (was_put(database_of(name.path)) || !open_database(name.folder, database).is_open())
            return {};
        return fmt::format("it belongs to the SQLite database {}, which stays as it is", database);
    }
    if (auto const standing = open_database(name.folder, name.name); standing.is_open()) {
        auto const holder = holder_of(standing.descriptor());
        if (!holder.empty())
            return fmt::format("{} has the SQLite database that stands there open: stop it",
                               holder);
    }
    if (!open_database(name.folder, name.temporary).is_open()) return {};
    auto const log = stranger(name, coming);
    if (log.empty()) return {};
    return fmt::format(
        "{} lies beside its place, and SQLite would play it back into it: tidy up by "
        "sqlite3 {} .tables, or move it away",
        log, name.name);
}

void DatabaseFiles::note_put(Name const& name) {
    bool const side = !database_of(name.name).empty();
    auto const size = side ? 0 : size_of(name.folder, name.name);
    if (size < 0 || size % page_bytes_min != 0) return;
    std::lock_guard const lock(mutex_);
    put_.insert(key(name.path));
}

}  // namespace perdure::origin
