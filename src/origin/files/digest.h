#pragma once

#include <stop_token>

#include "data/stream.h"

namespace perdure::origin {

/// The digest of a tree: SHA-256 over its items in order, each with all that a restore reproduces
/// (name, kind, mode, owner ids, mtime, link target, first name of a hard link, device number,
/// attributes except security.selinux) and the hash of its content. Not in it: ctime, inode, sizes
/// of folders, flags, user names (another machine may call them otherwise). Content counts by its
/// logical bytes: a hole and the same run of zeros are equal. Files that cannot be read are left
/// out, as a backup leaves them out. Two threads read. Fails: cancelled, or what the reader fails
/// with.
Result<data::LogicalDigest> digest_tree(data::TreeReader& reader, std::stop_token stop);

}  // namespace perdure::origin
