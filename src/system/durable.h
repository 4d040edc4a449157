#pragma once

#include "base/time.h"
#include "system/file.h"

namespace perdure::system {

/// Opens an existing file to write on after its first `keep_bytes`; what follows them is cut off.
/// Fails: corrupt when it is shorter.
Result<File> open_to_go_on(Path const& path, std::uint64_t keep_bytes);
/// Sets the time of the last change. Call it last: a later write sets it anew.
Result<void> stamp(File const& file, Timestamp modified);
/// Makes everything durable that was written to the file system of `folder`: one call instead of
/// one a file.
Result<void> sync_file_system(Path const& folder);

}  // namespace perdure::system
