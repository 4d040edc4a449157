#pragma once

#include <deque>

#include "repository/rows/roster.h"
#include "repository/rows/row_block.h"

namespace perdure::repository {

/// The blocks of the previous snapshot, found in O(1) memory: both rosters are walked in step. A
/// block whose tag is new (its border moved, as behind a block that reached its largest size, or
/// the rows were split) is looked up by its keys, for which parent blocks are read. Only an
/// optimisation: what cannot be read counts as absent.
class ParentBlocks {
public:
    struct Block {
        BlobId id;
        std::optional<BlobId> base;
    };
    /// A row's place within its domain.
    struct RowKey {
        std::uint32_t table = 0;
        Bytes key;
        auto operator<=>(RowKey const&) const = default;
    };
    /// A block about to be stored. The parent's block that holds its middle row is the one that
    /// most of its rows were in.
    struct Wanted {
        std::uint64_t tag = 0;
        RowKey first, middle;
    };
    /// `source` may be null: nothing is found then.
    ParentBlocks(SourceSnapshot const* source, BlobReader& blobs, DomainPtr common,
                 std::stop_token stop);
    bool empty() const { return !reader_ && !pending_ && window_.empty() && !last_; }
    /// The predecessor of a block. Handles must ascend; within one, blocks come in the order of
    /// their rows.
    std::optional<Block> find(DomainPtr const& domain, Wanted const& wanted);

private:
    struct Last {
        RosterEntry entry;
        std::optional<RowKey> end;  ///< its last row, once it was read
    };
    void move_to(Handle const& handle);
    void fill();
    void read_next();
    std::optional<Block> found() const;
    bool walk_to(DomainPtr const& domain, RowKey const& middle);
    bool last_reaches(DomainPtr const& domain, RowKey const& first);
    std::optional<RowKey> row_key(RosterEntry const& entry, DomainPtr const& domain, bool last);

    BlobReader& blobs_;
    std::stop_token stop_;
    std::optional<RosterReader> reader_;
    std::optional<RosterEntry> pending_;
    Handle handle_;
    std::deque<RosterEntry> window_;
    std::optional<RowKey> front_start_;  ///< first row of window_.front(), once it was read
    std::optional<Last> last_;
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
