#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/secret.h"
#include "crypto/sign.h"

namespace perdure::crypto {

/// The public half of an X25519 secret (RFC 7748).
PublicKey x25519_public(Secret32 const& secret);
/// What both sides of an exchange know.
/// Fails: denied, for a public key of low order, which would make the result known to everybody.
Result<Secret32> x25519_shared(Secret32 const& secret, PublicKey const& theirs);

/// scrypt (RFC 7914) with N = 2^work_factor, r = 8, p = 1: N KiB of memory, 256 MiB for
/// 18.
/// Fails: denied, when the factor lies outside 1 … 20 (a hostile header would take the machine);
/// exhausted when memory is short.
Result<Secret32> scrypt(ByteView passphrase, ByteView salt, unsigned work_factor);

/// The key stream that minisign seals its secret keys with: scrypt by libsodium's two limits.
/// Fails: denied, when the limits lie beyond 2^26 operations or 1 GiB; exhausted.
Result<Bytes> scrypt_stream(ByteView passphrase, ByteView salt32, std::uint64_t operations,
                            std::uint64_t memory_bytes, std::size_t length);

}  // namespace perdure::crypto
