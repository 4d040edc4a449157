#pragma once

#include <span>
#include <vector>

#include "repository/pack/pack.h"

namespace perdure::repository {

/// The first half of a blob id: what the index knows blobs by.
using BlobPrefix = Opaque<16, struct BlobPrefixTag>;
BlobPrefix prefix_of(BlobId const& id);

// The rows of a segment, as they lie in the local, memory-mapped form: trivially copyable, no
// padding, native little-endian.
struct IndexEntry {
    BlobPrefix id;
    std::uint32_t pack = 0, slot = 0, raw_offset = 0, length = 0;
    auto operator<=>(IndexEntry const&) const = default;
};
struct FrameRow {
    std::uint32_t offset = 0, stored_bytes = 0, raw_bytes = 0, codec = 0;
    bool operator==(FrameRow const&) const = default;
};
struct PackRow {
    crypto::Digest hash;
    Salt salt;
    SessionId session;
    std::uint32_t kind = 0, first_frame = 0, frame_count = 0, reserved = 0;
    std::uint64_t body_bytes = 0;
    PackName name() const { return {ObjectKind(static_cast<std::uint8_t>(kind)), session, hash}; }
    bool operator==(PackRow const&) const = default;
};
static_assert(sizeof(IndexEntry) == 32 && sizeof(FrameRow) == 16 && sizeof(PackRow) == 104);

/// A segment of the index in the making, its entries in pack order. docs/FORMAT.md §index.
struct IndexTables {
    std::vector<crypto::Digest> supersedes;  ///< segments that this one replaces, ascending
    std::vector<PackRow> packs;
    std::vector<FrameRow> frames;
    std::vector<IndexEntry> entries;  ///< by (pack, slot, raw_offset)

    void add(PackName const& name, PackDirectory const& directory);
    /// The plaintext of an index object.
    Bytes encode() const;
    /// Fails: corrupt, unless every length fits and nothing is left over.
    static Result<IndexTables> decode(ByteView bytes);
    bool operator==(IndexTables const&) const = default;
    /// Whether decode(bytes) would give these very tables, without holding a second copy of them.
    /// Fails: corrupt, as decode.
    Result<bool> are_in(ByteView bytes) const;
};

}  // namespace perdure::repository
