#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/time.h"

namespace perdure::data {

enum class EntryKind : std::uint8_t {
    folder = 1,
    file = 2,
    symlink = 3,
    fifo = 4,
    socket = 5,
    char_device = 6,
    block_device = 7,
};

struct Xattr {
    std::string name;  ///< "user.mime", "system.posix_acl_access"…: ACLs travel as xattrs
    Bytes value;
    auto operator<=>(Xattr const&) const = default;
};

/// A run of data in a sparse file; between extents lie holes.
struct Extent {
    std::uint64_t offset = 0, length = 0;
    auto operator<=>(Extent const&) const = default;
};

/// A name in a folder and everything about it but its content.
struct Entry {
    std::string name;  ///< one component, raw bytes; empty only for a root
    EntryKind kind = EntryKind::file;
    std::uint32_t mode = 0;  ///< permission bits and setuid, setgid, sticky
    std::uint32_t uid = 0, gid = 0;
    std::string user, group;              ///< names, where they were known
    Timestamp modified, changed;          ///< mtime, ctime
    std::uint64_t size = 0;               ///< logical bytes
    std::uint64_t device = 0, inode = 0;  ///< for unchanged detection and hard links
    std::uint32_t links = 1;
    std::uint64_t special = 0;    ///< rdev of a device node
    std::uint32_t flags = 0;      ///< file flags (chattr), FS_IOC_GETFLAGS
    std::string link_target;      ///< of a symlink, raw bytes
    std::string same_as;          ///< hard link: path below the root of the first name met
    std::vector<Xattr> xattrs;    ///< sorted by name
    std::vector<Extent> extents;  ///< sparse files only: where data is; content = these, joined
    bool sparse = false;
    Bytes unknown_fields;  ///< of a newer format, verbatim, kept when encoded again
    bool operator==(Entry const&) const = default;
};

/// Fields are tagged, so that unknown optional ones survive. docs/FORMAT.md §entry.
void encode_entry(Encoder& out, Entry const& entry);
/// Fails: corrupt (also for a name that is empty, ".", "..", or holds '/' or NUL when
/// `allow_root` is false).
Result<Entry> decode_entry(Decoder& in, bool allow_root = false);

/// Fails: invalid, for a name that must never be joined to a path.
Result<void> check_component(std::string_view name);

/// Whether the file's content can be taken over unread: same device, inode, size, mtime and ctime.
bool looks_unchanged(Entry const& before, Entry const& now);

}  // namespace perdure::data
