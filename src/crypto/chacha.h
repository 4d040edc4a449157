#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/secret.h"

namespace perdure::crypto {

inline constexpr std::size_t chacha_overhead_bytes = 16;
using Nonce12 = std::array<std::byte, 12>;

/// ChaCha20-Poly1305 (RFC 8439), without associated data: for the formats of others (age). Writes
/// ciphertext ‖ 16-byte tag into a place of exactly plaintext + chacha_overhead_bytes, which may
/// begin where the plaintext begins. A pair of key and nonce must seal one message only.
void chacha_seal_into(Secret32 const& key, Nonce12 const& nonce, ByteView plaintext, ByteSpan into);
/// Opens it into a place of exactly sealed - chacha_overhead_bytes.
/// Fails: corrupt, when the tag does not fit; `into` holds nothing of use then.
Result<void> chacha_open_into(Secret32 const& key, Nonce12 const& nonce, ByteView sealed,
                              ByteSpan into);

}  // namespace perdure::crypto
