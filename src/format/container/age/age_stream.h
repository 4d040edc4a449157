#pragma once

#include "crypto/chacha.h"

namespace perdure::format {

inline constexpr std::size_t age_chunk_bytes = 64 << 10;
inline constexpr std::size_t age_tag_bytes = crypto::chacha_overhead_bytes;
inline constexpr std::size_t age_nonce_bytes = 16;  ///< of the payload, after the header

enum class AgeChunk : std::uint8_t { inner = 0, last = 1 };

/// STREAM: eleven bytes of counter, most significant first, and whether it is the last.
inline crypto::Nonce12 age_nonce(std::uint64_t counter, AgeChunk which) {
    crypto::Nonce12 nonce{};
    for (std::size_t i = 0; i < 8; ++i) {
        nonce[10 - i] = std::byte(static_cast<std::uint8_t>(counter >> (8 * i)));
    }
    nonce[11] = std::byte(static_cast<std::uint8_t>(which));
    return nonce;
}

}  // namespace perdure::format
