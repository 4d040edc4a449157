#pragma once

#include <cstdint>
#include <set>

#include "base/codec.h"

namespace perdure {

/// The body of a pack or snapshot in the simulated worlds: the numbers of its blobs.
inline Bytes encode_blobs(std::set<std::uint32_t> const& blobs) {
    Encoder out;
    out.raw(Bytes(64));  // larger than a tombstone
    for (auto const blob : blobs) out.u32(blob);
    return out.take();
}

inline std::set<std::uint32_t> decode_blobs(ByteView bytes) {
    std::set<std::uint32_t> blobs;
    Decoder in(bytes.subspan(64));
    while (!in.done()) blobs.insert(in.u32().value());
    return blobs;
}

}  // namespace perdure
