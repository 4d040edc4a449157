#pragma once

#include <string>
#include <string_view>

#include "system/file.h"

namespace perdure::origin {

/// Opens `path` ('/'-joined components, "" is the folder itself) beneath the open folder `root`.
/// No symbolic link is followed, not even as the last component, and nothing above root is reached
/// (openat2 with RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS). Paths may be
/// longer than PATH_MAX. `flags` as of open(2); O_CLOEXEC is added. Returns a descriptor, or a
/// negative errno.
int open_beneath(int root, std::string_view path, int flags);

/// An open folder, or the Fault of what stands in the way (conflict for a symbolic link).
Result<system::File> open_folder_beneath(int root, std::string_view path);

/// "a/b/c" → "a/b", "c".
struct SplitPath {
    std::string_view parent, name;
};
SplitPath split_path(std::string_view path);

/// Fails: invalid, unless every component may be joined to a path ("" is the root and passes).
Result<void> check_path(std::string_view path);

}  // namespace perdure::origin
