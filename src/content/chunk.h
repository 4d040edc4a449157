#pragma once

#include <functional>

#include "base/bytes.h"
#include "crypto/secret.h"

namespace perdure::content {

/// Smallest, usual and largest chunk. docs/FORMAT.md §chunking.
struct ChunkSizes {
    std::uint32_t min_bytes, usual_bytes, max_bytes;
};
inline constexpr ChunkSizes data_chunks{256 << 10, 1 << 20, 4 << 20};
inline constexpr ChunkSizes media_chunks{1 << 20, 4 << 20, 16 << 20};

/// Content-defined cuts (Gear hash, FastCDC normalised chunking; Xia et al., USENIX ATC 2016) with
/// a table derived from a key of the repository, so that cuts tell an outsider nothing. Threads:
/// any.
class Chunker {
public:
    Chunker(crypto::Secret32 const& key, ChunkSizes sizes);
    /// Length of the first chunk of `bytes`. When `last` is false and no cut lies within the bytes
    /// given, returns 0: come back with more (at most max_bytes are ever needed).
    std::size_t cut(ByteView bytes, bool last) const;
    ChunkSizes sizes() const { return sizes_; }

private:
    std::array<std::uint64_t, 256> gear_;
    ChunkSizes sizes_;
};

}  // namespace perdure::content
