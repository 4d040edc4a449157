#include "origin/merge/files/database_logs.h"

#include <algorithm>
#include <array>

#include "origin/sqlite_magic.h"

namespace perdure::origin {

namespace {

constexpr std::array<std::string_view, 3> magics{sqlite_log_magics[0], sqlite_log_magics[1],
                                                 sqlite_journal_magic.substr(0, 4)};

/// The database whose log or journal bears this name; empty: none.
std::string database_of(std::string_view path) {
    for (std::string_view const side : {"-wal", "-journal"}) {
        if (path.ends_with(side)) return std::string(path.substr(0, path.size() - side.size()));
    }
    return {};
}

}  // namespace

bool DatabaseLogs::waits(std::string const& path, Seen const& seen) const {
    if (all_judged_ || seen.there || seen.blocked) return false;
    auto const database = database_of(path);
    if (database.empty()) return false;
    auto const beside = look_beneath(root_, database);
    return beside.there && S_ISREG(beside.status.st_mode);
}

void DatabaseLogs::note_stays(std::string const& path) {
    std::lock_guard const lock(mutex_);
    staying_.insert(std::hash<std::string_view>{}(path));
}

bool DatabaseLogs::lies_beside_kept(std::string const& path) const {
    auto const database = database_of(path);
    std::lock_guard const lock(mutex_);
    return !database.empty() && staying_.contains(std::hash<std::string_view>{}(database));
}

Result<bool> DatabaseLogs::is_log(data::ByteSource& content) {
    std::array<std::byte, 4> head{};
    std::size_t got = 0;
    while (got < head.size()) {
        PD_TRY(std::size_t const more, content.read(ByteSpan(head).subspan(got)));
        if (more == 0) return false;
        got += more;
    }
    return std::ranges::find(magics, as_text(head)) != magics.end();
}

}  // namespace perdure::origin
