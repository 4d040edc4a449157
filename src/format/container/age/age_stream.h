#pragma once

#include <memory>

#include "crypto/chacha.h"
#include "crypto/hash.h"
#include "data/stream.h"

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

/// What stands in front of the chunks: the header and the nonce.
struct AgeFront {
    std::uint64_t bytes = 0;
    crypto::Digest digest;
};
/// The plaintext of the chunks that `below` holds behind this front.
/// Fails: corrupt (cut short, another front); read() fails: corrupt.
Result<std::unique_ptr<data::ByteSource>> open_age_chunks(std::unique_ptr<data::ByteSource> below,
                                                          AgeFront const& front,
                                                          crypto::Secret32 const& key);

}  // namespace perdure::format
