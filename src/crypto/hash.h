#pragma once

#include <initializer_list>
#include <memory>

#include "base/bytes.h"
#include "crypto/secret.h"

namespace perdure::crypto {

using Digest = Opaque<32, struct DigestTag>;

Digest sha256(ByteView bytes);

/// SHA-256 (FIPS 180-4) of a stream.
class Sha256 {
public:
    Sha256();
    ~Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;
    void update(ByteView bytes);
    Digest finish();  ///< leaves the object ready for a new stream

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// HMAC-SHA256 (RFC 2104) under one key, whose padded states are computed once.
/// Threads: mac() from any number of threads.
class HmacKey {
public:
    explicit HmacKey(Secret32 const& key);
    ~HmacKey();
    HmacKey(HmacKey&&) noexcept;
    HmacKey& operator=(HmacKey&&) noexcept;
    /// The code of the parts, concatenated as they are.
    Digest mac(std::initializer_list<ByteView> parts) const;
    Digest mac(ByteView bytes) const { return mac({bytes}); }
    /// The same, as a key to derive from.
    Secret32 derive(std::initializer_list<ByteView> parts) const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Compares without telling by time where the difference lies.
bool equal_constant_time(ByteView a, ByteView b);

}  // namespace perdure::crypto
