#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/secret.h"

namespace perdure::crypto {

/// Cost of Argon2id version 1.3 (RFC 9106) with one lane.
struct PassphraseCost {
    std::uint32_t memory_kib = 256 * 1024;
    std::uint32_t passes = 3;
};
using Salt16 = Opaque<16, struct SaltTag>;

/// Fails: denied when the cost lies outside 64 MiB … 1 GiB or 3 … 16 passes: a weakened or
/// exhausting header is refused before any work.
Result<void> check_cost(PassphraseCost cost);
/// Fails: as check_cost; exhausted when memory is short.
Result<Secret32> key_from_passphrase(ByteView passphrase, Salt16 const& salt, PassphraseCost cost);

/// HKDF-SHA256 (RFC 5869).
Secret32 hkdf(ByteView secret, ByteView salt, ByteView info);

}  // namespace perdure::crypto
