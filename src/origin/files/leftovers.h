#pragma once

#include <string>
#include <string_view>

#include "system/file.h"

namespace perdure::origin {

/// ".perdure-<16 hex>-": how the temporary names of one restore begin; a number follows.
std::string temporary_prefix();
bool is_temporary(std::string_view name);

/// Says that somebody fills the open folder, for as long as it is open; the kernel takes that back
/// when the process dies. True: nobody else does.
bool claim_folder(system::File const& folder);
/// Takes away what killed restores into the folder left, on its file system. What cannot go does no
/// harm.
void sweep_leftovers(system::Path const& folder);
/// Only what lies in the folder itself: a database is made beside its own name, while others may
/// fill folders below, which they alone have claimed.
void sweep_leftovers_beside(system::Path const& folder);

}  // namespace perdure::origin
