#pragma once

#include <sys/stat.h>

#include "origin/merge/files/file_swap.h"
#include "origin/merge/files/tree_merge.h"

namespace perdure::origin {

/// Where mode, owner, access lists, attributes and device number of what stands at a path differ
/// from the entry. Compared is what this process could set: owners by root, or those of its own.
std::vector<FileItem::Field> metadata_differences(int root, std::string const& path,
                                                  data::Entry const& entry,
                                                  struct stat const& status);
/// Whether the file is the one that the snapshot read, untouched since, as far as the kernel tells
/// (place, size and both times).
bool untouched(data::Entry const& entry, struct stat const& status);
/// Content (of a sparse one its extents, joined) against an open file. One that cannot be read is
/// another.
Result<bool> same_content(data::Entry const& entry, data::ByteSource& content, int file);

/// How the folder at a path looks. Fails: denied, not_found.
Result<FolderLook> look_of_folder(int root, std::string const& path);
/// The same look with all of the entry's that this process could set.
FolderLook dressed_as(FolderLook look, data::Entry const& entry);
/// Fails: denied, when anything of it could not be set.
Result<void> dress_folder(int root, std::string const& path, FolderLook const& look);

/// Whether something is mounted on the file or folder at `path`.
bool is_mount_point(int root, std::string_view path);

/// Whether a rename from the root's folder could not reach there: another mount, or another device.
/// `name` empty: the open folder itself.
bool mounted_apart(int root, int folder, char const* name);

}  // namespace perdure::origin
