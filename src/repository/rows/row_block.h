#pragma once

#include "repository/stream/record_stream.h"

namespace perdure::repository {

/// Row blocks: sorted rows of one domain, at most about 256 KiB.
inline constexpr CutSizes row_cuts{32 << 10, 128 << 10, 256 << 10};
/// A larger payload is stored as a content of its own, and the row holds its list.
inline constexpr std::size_t row_payload_inline_max = 128u << 10;
/// What a media row weighs when blocks are cut: so many of them make a block that several threads
/// have files to read at the same time.
inline constexpr std::size_t media_row_weight = 4096;

struct StoredRow {
    std::uint32_t table = 0;
    ByteView key;
    ByteView payload;  ///< of media rows: entry ‖ BlobList; when outlined: BlobList
    bool outlined = false;
};

/// Encodes rows, which must ascend by (table, key). docs/FORMAT.md §row-block.
class RowBlockWriter {
public:
    void add(StoredRow const& row);
    bool empty() const { return out_.size() == 0; }
    Bytes take();

private:
    Encoder out_;
    bool first_ = true;
    std::uint32_t table_ = 0;
    Bytes key_;
};

/// Reads them back, from untrusted bytes.
class RowBlockReader {
public:
    explicit RowBlockReader(ByteView block) : in_(block) {}
    /// The next row, empty at the end; the key lives until the next call, the payload as long as
    /// the block. Fails: corrupt.
    Result<std::optional<StoredRow>> next();

private:
    Decoder in_;
    bool first_ = true;
    std::uint32_t table_ = 0;
    Bytes key_, previous_;
};

}  // namespace perdure::repository
