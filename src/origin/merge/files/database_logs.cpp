#include "origin/merge/files/database_logs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "origin/files/below.h"
#include "origin/files/put/database_files.h"

namespace perdure::origin {

namespace {

std::size_t key(std::string_view path) {
    return std::hash<std::string_view>{}(path);
}

bool stands(int root, std::string_view path) {
    auto const seen = look_beneath(root, path);
    return seen.there && S_ISREG(seen.status.st_mode);
}

/// The name of a log or journal beside the place of a database with something in it; empty: none.
/// To open a database and close it again would drop the locks that a connection of this process may
/// hold on it; nobody holds any on a log.
std::string log_beside(int root, std::string_view database) {
    for (std::string_view const side : {"-wal", "-journal"}) {
        auto const path = std::string(database) + std::string(side);
        auto const seen = look_beneath(root, path);
        if (!seen.there || !S_ISREG(seen.status.st_mode) || seen.status.st_size == 0) continue;
        int const opened = open_beneath(root, path, O_RDONLY | O_NONBLOCK);
        system::File const log(std::max(opened, -1));
        if (may_be_log(log)) return std::string(split_path(path).name);
    }
    return {};
}

}  // namespace

bool may_be_database(data::Entry const& entry) {
    constexpr std::uint64_t page_bytes_min = 512;
    return entry.kind == data::EntryKind::file && entry.size % page_bytes_min == 0;
}

bool DatabaseLogs::lies_beside(std::string const& path) const {
    auto const database = database_of(path);
    return careful_ && !database.empty() && !path.ends_with("-shm") && stands(root_, database);
}

void DatabaseLogs::note(std::string const& path, data::Entry const& entry, bool planned,
                        bool holds) {
    if (!careful_ || !may_be_database(entry)) return;
    std::lock_guard const lock(mutex_);
    if (planned) planned_.insert(key(path));
    if (holds) holding_.insert(key(path));
}

bool DatabaseLogs::is_noted(std::string const& path, Files const& files) const {
    std::lock_guard const lock(mutex_);
    return all_judged_ && files.contains(key(database_of(path)));
}

Result<bool> DatabaseLogs::is_one(std::string const& path, Peeked& content) const {
    if (!lies_beside(path)) return false;
    return content.is_log();
}

std::string DatabaseLogs::why_fixed(std::string const& path, Seen const& seen) const {
    if (!careful_) return why_held(root_, path, seen);
    auto why = origin::why_fixed(root_, path, seen);
    return why.empty() && S_ISREG(seen.status.st_mode) ? why_beside(path) : why;
}

std::string DatabaseLogs::why_beside(std::string const& path) const {
    if (!careful_) return {};
    auto const named = database_of(path);
    std::string const database(named.empty() ? path : named);
    auto const log = log_beside(root_, database);
    if (log.empty()) return {};
    auto const name = split_path(database).name;
    if (stands(root_, database))
        return fmt::format(
            "{} lies beside the SQLite database {}, as a crash leaves it, and would be played back "
            "into another one: sqlite3 {} .tables, which tidies up, then once more",
            log, name, name);
    if (!named.empty()) return {};
    return fmt::format(
        "{} lies beside its place, and SQLite would play it back into it: move it away, then once "
        "more",
        log);
}

std::vector<std::string> DatabaseLogs::take_others_first(std::vector<std::string>& alone) const {
    auto const first_log = std::ranges::stable_partition(alone, [&](auto const& path) {
                               return !lies_beside(path);
                           }).begin();
    std::vector<std::string> logs(std::make_move_iterator(first_log),
                                  std::make_move_iterator(alone.end()));
    if (first_log == alone.begin()) {
        alone.clear();
        return logs;
    }
    alone.erase(first_log, alone.end());
    return std::exchange(alone, std::move(logs));
}

Result<bool> Peeked::is_log() {
    head_.resize(log_magic_bytes);
    std::size_t got = 0;
    while (got < head_.size()) {
        PD_TRY(std::size_t const more, rest_.read(ByteSpan(head_).subspan(got)));
        if (more == 0) break;
        got += more;
    }
    head_.resize(got);
    return begins_as_log(head_);
}

Result<std::size_t> Peeked::read(ByteSpan into) {
    auto const count = std::min(into.size(), head_.size() - at_);
    std::copy_n(head_.begin() + static_cast<std::ptrdiff_t>(at_), count, into.begin());
    at_ += count;
    PD_TRY(std::size_t const more, rest_.read(into.subspan(count)));
    return count + more;
}

}  // namespace perdure::origin
