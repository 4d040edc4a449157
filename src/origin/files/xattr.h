#pragma once

#include <string>
#include <vector>

#include "data/entry.h"

namespace perdure::origin {

// Extended attributes by (folder descriptor, name), never following a link. Linux 6.13 has system
// calls for that; before, the path /proc/self/fd/N/name does it at the price of one more look-up.

/// More of one name are not kept: an entry with them is held in memory, and has to be read back.
inline constexpr std::size_t xattr_bytes_max = 4u << 20;

/// The attributes of `name` in `folder` (of the folder itself when name is ""), sorted by name.
/// Returns 0, or an errno (ENOTSUP: the file system has none; E2BIG: more than the kernel lists, or
/// than xattr_bytes_max) with those that could be read. Attributes that vanish between listing and
/// reading are left out.
int read_xattrs(int folder, char const* name, std::vector<data::Xattr>& into);

/// Returns 0 or an errno.
int write_xattr(int folder, char const* name, data::Xattr const& attribute);
int remove_xattr(int folder, char const* name, std::string const& attribute);

/// Tests only: behave as on a kernel older than 6.13.
void pretend_no_xattr_calls(bool pretend);

}  // namespace perdure::origin
