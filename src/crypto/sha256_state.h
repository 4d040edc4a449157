#pragma once

// The one-block functions of OpenSSL are deprecated in favour of EVP, but an EVP context costs an
// allocation and a provider look-up for each copy: 1.1 µs a short HMAC against 0.2. They run the
// same assembly, and their state is a plain value that can be precomputed and copied.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include "base/bytes.h"
#include "crypto/hash.h"

namespace perdure::crypto {

inline void sha256_update(SHA256_CTX& state, ByteView bytes) {
    SHA256_Update(&state, bytes.data(), bytes.size());
}

inline void sha256_finish(SHA256_CTX& state, ByteSpan into) {
    PD_ASSERT(into.size() == SHA256_DIGEST_LENGTH);
    SHA256_Final(reinterpret_cast<unsigned char*>(into.data()), &state);
}

/// The padded states of HMAC-SHA256 under one key: what is left to do is the message.
struct HmacStates {
    SHA256_CTX inner, outer;

    /// A key of any length; longer than a block, it is hashed first (RFC 2104 §2).
    explicit HmacStates(ByteView key);
    ~HmacStates();
    HmacStates(HmacStates const&) = default;
    void mac(std::initializer_list<ByteView> parts, ByteSpan into) const;
};

}  // namespace perdure::crypto
