#pragma once

#include <optional>
#include <vector>

#include "repository/pack/frame_seal.h"

namespace perdure::repository {

struct BlobRecord {
    BlobId id;
    std::uint32_t length = 0;
};

/// One frame of a pack. Its offset and the offsets of its blobs follow from the lengths before.
struct FrameRecord {
    std::uint32_t offset = 0, stored_bytes = 0, raw_bytes = 0;
    content::Codec codec = content::Codec::stored;
    Handle handle;
    std::uint32_t generation = 0;
    std::optional<BlobId> base;  ///< with codec zstd_prefix
    std::vector<BlobRecord> blobs;
};

/// What a pack holds: enough to rebuild the index and to collect without any person's key.
struct PackDirectory {
    Salt salt;
    std::uint64_t body_bytes = 0;  ///< of the pack, directory and padding included
    std::vector<FrameRecord> frames;

    Bytes encode() const;
    /// Fails: corrupt (also when a frame would reach past frames_end, the offset where the
    /// directory begins); exhausted (limits).
    static Result<PackDirectory> decode(ByteView bytes, std::uint64_t frames_end);
};

}  // namespace perdure::repository
