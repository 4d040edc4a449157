#pragma once

#include "repository/history/presence.h"
#include "repository/rows/read_blocks.h"

namespace perdure::repository {

/// A stored row and the snapshots that hold it in this block. The same row may be seen again in
/// another block, in other snapshots. Views live during the call.
struct RowSighting {
    data::TableSchema const* table = nullptr;  ///< null: media (payload = entry ‖ list)
    std::string const& encoding;               ///< of the database's text
    StoredRow const& row;
    DomainPtr const& domain;
    PresenceSets::Id in;
};

struct RowScanOptions {
    /// Called on the caller's thread.
    std::function<Result<void>(RowSighting const&)> each;
    /// A quick look at a block's bytes: false passes over it undecoded. Empty: all.
    std::function<bool(ByteView block)> may_matter;
};

struct RowScanReport {
    std::uint64_t blocks_read = 0;   ///< distinct blocks, each read once
    std::uint64_t blocks_named = 0;  ///< what the snapshots name together
    std::uint64_t erased_subjects = 0, erased_blocks = 0;
};

/// Visits the rows of one database over many snapshots, oldest first (null: a snapshot without it).
/// Every roster blob and row block is read once, however many snapshots hold it. Blocks of erased
/// people are counted; unreadable ones are named in the context's problems.
/// Memory: about 80 B a distinct block, and what reading blocks takes.
/// Fails: corrupt (a roster or schema); cancelled; what `each` fails with.
Result<RowScanReport> scan_rows(std::vector<SourceSnapshot const*> const& snapshots,
                                RowScanOptions const& options, PresenceSets& sets,
                                ReadContext& context, std::stop_token stop);

/// The payload of a sighted row, fetched where it is stored beside its row.
Result<Bytes> payload_of(RowSighting const& sighting, BlobReader& blobs, std::stop_token stop);

}  // namespace perdure::repository
