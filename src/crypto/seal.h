#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/secret.h"

namespace perdure::crypto {

inline constexpr std::size_t seal_overhead_bytes = 16;

/// AES-256-GCM (NIST SP 800-38D) with a zero nonce: `key` must be used for exactly one message,
/// which is what the per-frame keys of the format are for. Appends ciphertext ‖ 16-byte tag to out.
void seal_once(Secret32 const& key, ByteView associated, ByteView plaintext, Bytes& out);

/// The same into a place of exactly plaintext + seal_overhead_bytes, which does not overlap it.
void seal_once_into(Secret32 const& key, ByteView associated, ByteView plaintext, ByteSpan into);

/// Opens what seal_once made.
/// Fails: corrupt, when the tag does not fit; nothing of the plaintext is returned then.
Result<Bytes> open_sealed(Secret32 const& key, ByteView associated, ByteView sealed);

/// The same in place: `sealed` becomes the plaintext, or is wiped when the tag does not fit.
Result<void> open_in_place(Secret32 const& key, ByteView associated, Bytes& sealed);

}  // namespace perdure::crypto
