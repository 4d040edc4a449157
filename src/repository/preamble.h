#pragma once

#include <string_view>

#include "base/codec.h"

namespace perdure::repository {

/// What every object of the repository begins with: docs/FORMAT.md "Preamble". Unknown bits of
/// `compatible` are ignored, of `read_only` forbid writing, of `incompatible` forbid reading.
struct Preamble {
    std::uint16_t version = 1;
    std::uint16_t suite = 1;  ///< 1: SHA-256, HMAC-SHA256, AES-256-GCM, X25519, Ed25519
    std::uint32_t compatible = 0, read_only = 0, incompatible = 0;

    /// `magic` has four characters.
    void encode(Encoder& out, std::string_view magic) const;
    /// Fails: corrupt (another magic), unsupported (a newer version, suite or feature, named).
    static Result<Preamble> decode(Decoder& in, std::string_view magic);
};

}  // namespace perdure::repository
