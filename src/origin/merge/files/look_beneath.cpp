#include "origin/merge/files/look_beneath.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/ascii.h"
#include "origin/files/below.h"
#include "origin/files/put/database_files.h"
#include "origin/holder.h"
#include "system/file.h"

namespace perdure::origin {

namespace {

using data::EntryKind;

constexpr std::size_t link_bytes_max = 4096;

/// What chattr did to it: even root replaces no such file.
std::string lock_of(int folder, char const* name, mode_t mode) {
    if (!S_ISREG(mode) && !S_ISDIR(mode)) return {};
    struct statx status{};
    int const flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (*name == 0 ? AT_EMPTY_PATH : 0);
    if (::statx(folder, name, flags, STATX_TYPE, &status) != 0) return {};
    if ((status.stx_attributes & STATX_ATTR_IMMUTABLE) != 0)
        return "it is immutable: chattr -i, then once more";
    if ((status.stx_attributes & STATX_ATTR_APPEND) != 0)
        return "it is append-only: chattr -a, then once more";
    return {};
}

}  // namespace

Result<system::File> open_root(system::Path const& root) {
    int const opened = ::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opened >= 0) return system::File(opened);
    return system::error_from_errno(errno, "opening " + root.string());
}

Seen look_beneath(int root, std::string_view path) {
    Seen seen;
    if (path.empty()) {
        seen.there = ::fstat(root, &seen.status) == 0;
        if (seen.there) seen.locked = lock_of(root, "", seen.status.st_mode);
        return seen;
    }
    auto const [parent, name] = split_path(path);
    int const folder = open_beneath(root, parent, O_PATH | O_DIRECTORY);
    if (folder == -ENOENT) return seen;
    if (folder < 0) {
        seen.blocked = true;
        seen.why = fmt::format("{} is a link or no folder: nothing is written through it", parent);
        return seen;
    }
    std::string const text(name);
    seen.there = ::fstatat(folder, text.c_str(), &seen.status, AT_SYMLINK_NOFOLLOW) == 0;
    if (seen.there) seen.locked = lock_of(folder, text.c_str(), seen.status.st_mode);
    ::close(folder);
    return seen;
}

bool takes_other_letters(int root, std::string const& path) {
    auto const seen = look_beneath(root, path);
    if (!seen.there) return false;
    bool asked = false;
    for (std::size_t from = 0, to = 0; from < path.size(); from = to + 1) {
        to = std::min(path.find('/', from), path.size());
        std::string other = path;
        for (auto at = from; at < to; ++at) {
            if (is_ascii_letter(other[at])) other[at] = static_cast<char>(other[at] ^ 0x20);
        }
        if (other == path) continue;
        asked = true;
        auto const same = look_beneath(root, other);
        bool const one = same.there && same.status.st_dev == seen.status.st_dev &&
                         same.status.st_ino == seen.status.st_ino;
        if (one) return true;
    }
    auto const is_plain = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
    return !asked && !std::ranges::all_of(path, is_plain);
}

// Looked at by name alone: to open a database's file and close it again would drop the locks that a
// connection of this process may hold on it.
std::string why_fixed(int root, std::string_view path, Seen const& seen) {
    if (!seen.locked.empty() || !S_ISREG(seen.status.st_mode)) return seen.locked;
    std::string_view database = path;
    for (std::string_view const side : {"-wal", "-shm", "-journal"}) {
        if (path.ends_with(side)) database = path.substr(0, path.size() - side.size());
    }
    auto const stands = [&](std::string const& name) {
        auto const one = look_beneath(root, name);
        return one.there && S_ISREG(one.status.st_mode);
    };
    std::string const base(database);
    if (!stands(base + "-wal") || !stands(base + "-shm") || !stands(base)) return {};
    return fmt::format(
        "it is part of a SQLite database in use: stop its application, then once "
        "more (where it crashed: sqlite3 {} .tables, which tidies up)",
        split_path(base).name);
}

std::string why_held(int root, std::string_view path, Seen const& seen) {
    if (!seen.locked.empty() || !S_ISREG(seen.status.st_mode)) return seen.locked;
    auto const named = database_of(path);
    int const opened = open_beneath(root, named.empty() ? path : named, O_RDONLY | O_NONBLOCK);
    if (opened < 0) return {};
    system::File const file(opened);
    auto const holder = is_database(file) ? holder_of(opened) : std::string();
    if (holder.empty()) return {};
    return fmt::format("{} has the SQLite database open: stop it, then once more", holder);
}

bool readable_beneath(int root, std::string_view path) {
    auto const [parent, name] = split_path(path);
    int const folder = open_beneath(root, parent, O_PATH | O_DIRECTORY);
    if (folder < 0) return false;
    bool const readable =
        ::faccessat(folder, std::string(name).c_str(), R_OK, AT_EACCESS | AT_SYMLINK_NOFOLLOW) == 0;
    ::close(folder);
    return readable;
}

std::optional<FileChange::Was> was_of(Seen const& seen) {
    if (!seen.there) return std::nullopt;
    return FileChange::Was{seen.status.st_ino, static_cast<std::uint64_t>(seen.status.st_size),
                           modified_of(seen.status)};
}

std::string state_of(struct stat const& status) {
    return fmt::format("{:o} {}:{} {} {}.{:09}", status.st_mode, status.st_uid, status.st_gid,
                       status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
}

Timestamp modified_of(struct stat const& status) {
    return {status.st_mtim.tv_sec, static_cast<std::uint32_t>(status.st_mtim.tv_nsec)};
}

std::string_view kind_word(mode_t mode) {
    if (S_ISREG(mode)) return "file";
    if (S_ISDIR(mode)) return "folder";
    if (S_ISLNK(mode)) return "link";
    return "special file";
}

mode_t type_of(EntryKind kind) {
    switch (kind) {
        case EntryKind::folder:
            return S_IFDIR;
        case EntryKind::file:
            return S_IFREG;
        case EntryKind::symlink:
            return S_IFLNK;
        case EntryKind::fifo:
            return S_IFIFO;
        case EntryKind::socket:
            return S_IFSOCK;
        case EntryKind::char_device:
            return S_IFCHR;
        case EntryKind::block_device:
            return S_IFBLK;
    }
    return 0;
}

std::string link_text(int root, std::string_view path) {
    auto const [parent, name] = split_path(path);
    int const folder = open_beneath(root, parent, O_PATH | O_DIRECTORY);
    if (folder < 0) return {};
    std::string out(link_bytes_max, 0);
    auto const size = ::readlinkat(folder, std::string(name).c_str(), out.data(), out.size());
    ::close(folder);
    out.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return out;
}

}  // namespace perdure::origin
