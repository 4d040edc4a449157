#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "crypto/hash.h"
#include "data/stream.h"
#include "system/file.h"

namespace perdure::job {

/// How far an export came: what the next process needs to go on.
struct ExportCheckpoint {
    std::uint64_t records_read = 0, records_taken = 0;
    Bytes writer, container, disk;  ///< states, each as its owner told it; container may be empty
};

/// What a killed export left: sealed by its SHA-256, replaced as a whole.
struct ExportJournal {
    crypto::Digest request;  ///< of everything asked for: another request starts again
    std::string data;        ///< what was read: a snapshot, or the state of a live database
    /// How to ask for the same again: the command's words, with absolute paths.
    std::vector<std::string> words;
    Timestamp exported, as_of;
    std::vector<data::Problem> problems;
    std::optional<ExportCheckpoint> checkpoint;

    Bytes encode() const;
    /// Fails: corrupt.
    static Result<ExportJournal> decode(ByteView bytes);
};

/// The journal in an export's work folder. Fails: not_found; corrupt.
Result<ExportJournal> read_journal(system::Path const& work);
Result<void> write_journal(system::Path const& work, ExportJournal const& journal);

/// Keeps a work folder for one process; the kernel lets go of it when the process dies.
class WorkLock {
public:
    /// Makes the folder if need be. Fails: conflict (PD-0011), when another export works there.
    static Result<WorkLock> take(system::Path const& work);

private:
    system::File file_;
};

}  // namespace perdure::job
