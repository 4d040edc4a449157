#pragma once

#include "format/output.h"

namespace perdure::format {

/// An Output whose bytes stay within reach.
class PatchableOutput : public Output {
public:
    /// Writes over bytes that were written before: a header whose sizes are known only now.
    virtual Result<void> patch(std::uint64_t offset_bytes, ByteView bytes) = 0;
};

inline constexpr std::size_t file_name_bytes_max = 4000;
/// Fails: invalid, when a name could lead out of the tree it is given in.
Result<void> check_relative_name(std::string const& name);

/// Where the trees of open_folder() and open_single_file() keep what is not finished:
/// ".NAME.perdure-work", a hidden folder beside the output, so that finishing is a rename. They use
/// the names "files", "names" and "spools" in it; a job may keep others there. A tree that was
/// checkpointed leaves it to be resumed, unless finished; any other takes its own away.
system::Path work_folder(system::Path const& output);

/// The same trees as they were at a checkpoint; what came after it is taken away.
/// Fails: as the others; corrupt, where files are shorter than the checkpoint says.
Result<std::unique_ptr<OutputTree>> resume_folder(system::Path const& folder, ByteView state);
Result<std::unique_ptr<OutputTree>> resume_single_file(system::Path const& file, bool replace,
                                                       ByteView state);

}  // namespace perdure::format
