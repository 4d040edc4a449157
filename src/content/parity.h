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

/// The body with every stripe repaired that can be, accepted by nobody: for taking authenticated
/// frames out of a pack that is beyond repair. Where the header is lost, its copy stands in.
Bytes salvage_with_parity(ByteView object);

/// Length of the body inside an object that ends with a parity suffix, from its trailer (either
/// copy); the whole object's size when it has none.
std::uint64_t body_bytes(ByteView object);

/// Bytes at an object's end that are enough for body_bytes_from_tail.
inline constexpr std::size_t parity_tail_bytes = 32;
/// The same from the object's last parity_tail_bytes (or all, when it is shorter) and its size;
/// object_bytes when it bears no readable suffix. Hostile values never exceed object_bytes.
std::uint64_t body_bytes_from_tail(ByteView tail, std::uint64_t object_bytes);

/// CRC32C (Castagnoli; RFC 3720 §12.1).
std::uint32_t crc32c(ByteView bytes);

}  // namespace perdure::content
