#pragma once

#include <sys/stat.h>

#include <string>
#include <unordered_map>
#include <vector>

#include "data/entry.h"

struct statx;

namespace perdure::origin {

/// Names of users and groups, each asked for once.
/// Threads: one.
class OwnerNames {
public:
    std::string const& user(std::uint32_t uid);
    std::string const& group(std::uint32_t gid);

private:
    std::unordered_map<std::uint32_t, std::string> users_, groups_;
};

/// What stands under `name` in the open folder (the folder itself when ""), links not followed.
/// Returns 0 or an errno.
int stat_at(int folder, char const* name, struct statx& into);

/// Everything statx knows; name, xattrs, extents, link target and same_as stay empty.
data::Entry entry_from(struct statx const& status);
bool is_folder(struct statx const& status);
/// Allocated less than its size says: worth asking where the holes are.
bool may_be_sparse(struct statx const& status);

/// Where data lies in an open file of that size; sets extents and `sparse` when there is a hole.
void find_extents(int file, data::Entry& entry);

/// The target of a symbolic link, raw. Returns 0 or an errno.
int read_link_at(int folder, char const* name, std::string& into);

/// File flags (chattr) that a restore sets again.
inline constexpr std::uint32_t flags_restored =
    0x4 | 0x8 | 0x10 | 0x20 | 0x40 | 0x80 | 0x10000 | 0x20000 | 0x800000;
inline constexpr std::uint32_t flags_that_lock = 0x10 | 0x20;  ///< immutable, append only
/// All flags of an open file or folder; 0 where the file system has none.
std::uint32_t read_flags(int descriptor);

}  // namespace perdure::origin
