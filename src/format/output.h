#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "system/file.h"

namespace perdure::format {

/// The bytes of one file, front to back.
class Output {
public:
    virtual ~Output() = default;
    virtual Result<void> write(ByteView bytes) = 0;
    Result<void> write(std::string_view text) { return write(as_bytes(text)); }
    /// Everything arrived; without it the file does not count.
    virtual Result<void> finish() = 0;
};

/// Bytes that a writer puts aside and reads back before it finishes: what grows with the number of
/// records and must not grow in memory. Hidden beside the output, gone with it. Threads: one.
class Spool {
public:
    virtual ~Spool() = default;
    virtual Result<void> append(ByteView bytes) = 0;
    Result<void> append(std::string_view text) { return append(as_bytes(text)); }
    virtual std::uint64_t size_bytes() const = 0;
    /// Fewer bytes than asked for only at the end.
    virtual Result<std::size_t> read_at(ByteSpan into, std::uint64_t offset_bytes) = 0;
};

struct FileOptions {
    Timestamp modified;            ///< stamped on the file; the same for the same snapshot
    bool compressible = true;      ///< false: a container stores it as it is
    std::uint64_t size_bytes = 0;  ///< where it is known before, else 0
};

/// A set of named files being written: a folder, a zip, a tar.gz. Names are relative, '/'-joined,
/// checked; one file is open at a time unless `parallel()` says otherwise.
class OutputTree {
public:
    virtual ~OutputTree() = default;
    /// Fails: conflict (the name was given already), invalid (a name that could leave the tree).
    virtual Result<std::unique_ptr<Output>> create(std::string const& name,
                                                   FileOptions options) = 0;
    virtual bool parallel() const { return false; }
    /// Created when it is first asked for; after a resume it holds what it held at the checkpoint.
    virtual Result<std::unique_ptr<Spool>> spool(std::string const& name) = 0;
    /// Makes everything written so far durable, and tells how to come back to exactly this state:
    /// finished files, lengths of open ones and of spools. A writer calls nothing of this.
    /// Fails: unsupported, where the tree can only start again.
    virtual Result<Bytes> checkpoint() = 0;
    /// After a resume, for a file that was open at the checkpoint: goes on at its length then.
    virtual Result<std::unique_ptr<Output>> reopen(std::string const& name) = 0;
    /// Puts everything under its final name; without it nothing appears there.
    virtual Result<void> finish() = 0;
};

/// A folder that appears under its name only when finished. Fails: conflict when `folder` exists
/// and is not empty.
Result<std::unique_ptr<OutputTree>> open_folder(system::Path const& folder);
/// One file: the single name a format creates becomes `file`. Fails: conflict when it exists and
/// `replace` is false.
Result<std::unique_ptr<OutputTree>> open_single_file(system::Path const& file, bool replace);

}  // namespace perdure::format
