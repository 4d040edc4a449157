#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/hash.h"

namespace perdure::content {

/// Reed–Solomon suffix that repairs a damaged body: 4 KiB sectors, stripes of 64 + 3 interleaved so
/// that a burst of body/64·3 is repairable, Cauchy matrix (ISA-L), CRC32C per sector, the table
/// twice and a copy of the header. docs/FORMAT.md §parity.
Bytes make_parity(ByteView body);

/// Reads `object` = body ‖ parity suffix, possibly damaged, and gives the body back.
/// Accepted only when SHA-256(body) = expected.
/// Fails: corrupt when it cannot be repaired.
Result<Bytes> repair_with_parity(ByteView object, crypto::Digest const& expected);

/// Length of the body inside an object that ends with a parity suffix, from its trailer (either
/// copy); the whole object's size when it has none.
std::uint64_t body_bytes(ByteView object);

}  // namespace perdure::content
