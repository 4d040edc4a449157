#pragma once

#include "repository/stream/record_stream.h"

namespace perdure::repository {

/// One blob of a database, in the list that lets collection see what is needed without any
/// person's key.
struct RosterEntry {
    enum class Kind : std::uint8_t {
        rows = 1,     ///< a row block
        content = 2,  ///< a part of a media file or large value that the block before refers to
    };
    Handle handle;
    std::uint32_t generation = 0;
    Kind kind = Kind::rows;
    bool holds_media = false;  ///< a row block with media rows in it
    std::uint64_t tag = 0;     ///< where the block begins; 0: at its domain's first row
    BlobId id;
    std::optional<BlobId> base;  ///< what the block is a delta against
};

/// The tag of a block that begins with this row: lets the next backup find its predecessor, and
/// tells nothing without the domain's key. Never 0.
std::uint64_t boundary_tag(Domain const& domain, std::uint32_t table, ByteView key);

/// Writes entries, which must ascend by handle. docs/FORMAT.md §roster.
class RosterWriter {
public:
    RosterWriter(BlobWriter& blobs, DomainPtr common, std::uint64_t seed);
    Result<void> add(RosterEntry const& entry);
    Result<BlobList> finish() { return records_.finish(); }

private:
    RecordWriter records_;
    std::uint64_t seed_;
    std::optional<Handle> last_;
    Encoder scratch_;
};

/// Decodes one record of a roster; `last` is the entry before it in the same blob, null at the
/// beginning of a blob. Fails: corrupt.
Result<RosterEntry> decode_roster_entry(ByteView record, RosterEntry const* last);

/// Reads entries back. Memory: one blob.
class RosterReader {
public:
    RosterReader(BlobReader& blobs, DomainPtr common, BlobList const& list)
        : records_(blobs, std::move(common), list) {}
    /// Empty at the end. Fails: corrupt; what BlobReader::read fails with.
    Result<std::optional<RosterEntry>> next(std::stop_token stop);
    RecordReader& records() { return records_; }

private:
    RecordReader records_;
    std::optional<RosterEntry> last_;
};

}  // namespace perdure::repository
