#pragma once

#include <memory>

#include "base/bytes.h"

namespace perdure::crypto {

using Digest64 = Opaque<64, struct Digest64Tag>;

/// BLAKE2b without a key (RFC 7693), 512 bits, of a stream: what minisign signs.
class Blake2b {
public:
    Blake2b();
    ~Blake2b();
    Blake2b(Blake2b&&) noexcept;
    Blake2b& operator=(Blake2b&&) noexcept;
    void update(ByteView bytes);
    Digest64 finish();  ///< leaves the object ready for a new stream

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// 256 bits of it, which is another function than a half of the above.
Opaque<32, struct Blake2b256Tag> blake2b_256(ByteView bytes);

}  // namespace perdure::crypto
