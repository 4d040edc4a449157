#pragma once

#include "base/time.h"
#include "system/file.h"

namespace perdure::system {

/// Opens an existing file to write on after its first `keep_bytes`; what follows them is cut off.
/// Fails: corrupt when it is shorter.
Result<File> open_to_go_on(Path const& path, std::uint64_t keep_bytes);
/// Sets the time of the last change. Call it last: a later write sets it anew.
Result<void> stamp(File const& file, Timestamp modified);
/// Starts to write that part to the disk without waiting, so that a later sync has less to wait
/// for. Changes nothing else, and failing is left to that sync.
void start_writing_back(File const& file, std::uint64_t offset_bytes, std::uint64_t count_bytes);
/// Makes everything durable that was written to the file system of `opened`: one call instead of
/// one a file. `opened` must be older than the writes: the kernel tells a descriptor only of
/// write-back errors that came after it was opened (errseq, Linux 5.8).
Result<void> sync_file_system(File const& opened);

}  // namespace perdure::system
