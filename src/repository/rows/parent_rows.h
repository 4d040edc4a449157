#pragma once

#include <deque>

#include "repository/rows/roster.h"
#include "repository/rows/row_block.h"

namespace perdure::repository {

/// The blocks of the previous snapshot, found by their tags in O(1) memory: both rosters are walked
/// in step. Only an optimisation: what cannot be read counts as absent.
class ParentBlocks {
public:
    struct Block {
        BlobId id;
        std::optional<BlobId> base;
    };
    /// `source` may be null: nothing is found then.
    ParentBlocks(SourceSnapshot const* source, BlobReader& blobs, DomainPtr common,
                 std::stop_token stop);
    /// The predecessor of a block, or the block that it may have been split from. Handles must
    /// ascend; within one, blocks come in the order of their rows.
    std::optional<Block> find(Handle const& handle, std::uint64_t tag);

private:
    void move_to(Handle const& handle);
    void fill();
    void read_next();

    std::stop_token stop_;
    std::optional<RosterReader> reader_;
    std::optional<RosterEntry> pending_;
    Handle handle_;
    std::deque<RosterEntry> window_;
    std::optional<Block> last_;
    bool last_lent_ = false;
};

/// The media rows of the previous snapshot, in the order of (handle, path).
class ParentMedia {
public:
    ParentMedia(SourceSnapshot const* source, BlobReader& blobs, DomainPtr common,
                std::stop_token stop);
    /// The stored payload (entry ‖ list) of a path; empty when there was none. Domains' handles and
    /// paths must ascend. The view lives until the next call.
    ByteView find(DomainPtr const& domain, ByteView path);

private:
    bool load_block(DomainPtr const& domain);
    bool advance();

    BlobReader& blobs_;
    std::stop_token stop_;
    std::optional<RosterReader> reader_;
    std::optional<RosterEntry> entry_;
    BlobView block_;
    std::optional<RowBlockReader> rows_;
    std::optional<StoredRow> row_;
    Handle handle_;
};

}  // namespace perdure::repository
