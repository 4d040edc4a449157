#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>

#include "data/entry.h"
#include "origin/merge/files/file_swap.h"
#include "system/file.h"

namespace perdure::origin {

Result<system::File> open_root(system::Path const& root);

/// What stands at a path beneath a folder, seen without following a link.
struct Seen {
    bool there = false;
    bool blocked = false;  ///< a link, or no folder, stands above it: `why`
    std::string why;
    struct stat status{};
    /// An immutable or append-only file or folder: why nothing can take its place. Else empty.
    std::string locked;
};
Seen look_beneath(int root, std::string_view path);

/// Whether what stands at `path` is called so in other letters as well: FAT, and folders of ext4
/// with +F, take "a" for "A". A path without A to Z tells nothing; true then where it is no ASCII.
bool takes_other_letters(int root, std::string const& path);

/// Why nothing can take the place of what was seen at `path`: it is locked, or belongs to a SQLite
/// database that somebody has open, by the log and the shared memory beside it (a file put in their
/// place would break it). Empty: something can.
std::string why_fixed(int root, std::string_view path, Seen const& seen);

/// The same for an undo, which takes away only what was put there and nobody touched since: a
/// restore may have put a database with its log and shared memory, so who has it open is asked.
std::string why_held(int root, std::string_view path, Seen const& seen);

/// Whether this process may read the file at `path`.
bool readable_beneath(int root, std::string_view path);

/// For a change that puts something in its place, or takes it away.
std::optional<FileChange::Was> was_of(Seen const& seen);

/// Kind, mode, owner, size and time, to notice that somebody was there meanwhile.
std::string state_of(struct stat const& status);
Timestamp modified_of(struct stat const& status);
/// "file", "folder", "link", "special file".
std::string_view kind_word(mode_t mode);
/// S_IFREG for a file, and so on.
mode_t type_of(data::EntryKind kind);
/// Where the symbolic link at `path` leads; empty: it cannot be read.
std::string link_text(int root, std::string_view path);

}  // namespace perdure::origin
