#include "crypto/blake2b.h"

#include "crypto/sodium.h"

namespace perdure::crypto {

struct Blake2b::State {
    crypto_generichash_state hash;
};

Blake2b::Blake2b() : state_(std::make_unique<State>()) {
    start_sodium();
    crypto_generichash_init(&state_->hash, nullptr, 0, Digest64::size);
}
Blake2b::~Blake2b() = default;
Blake2b::Blake2b(Blake2b&&) noexcept = default;
Blake2b& Blake2b::operator=(Blake2b&&) noexcept = default;

void Blake2b::update(ByteView bytes) {
    crypto_generichash_update(&state_->hash, raw(bytes.data()), bytes.size());
}

Digest64 Blake2b::finish() {
    Digest64 digest;
    crypto_generichash_final(&state_->hash, raw(digest.bytes.data()), Digest64::size);
    crypto_generichash_init(&state_->hash, nullptr, 0, Digest64::size);
    return digest;
}

Opaque<32, struct Blake2b256Tag> blake2b_256(ByteView bytes) {
    start_sodium();
    Opaque<32, struct Blake2b256Tag> digest;
    crypto_generichash(raw(digest.bytes.data()), 32, raw(bytes.data()), bytes.size(), nullptr, 0);
    return digest;
}

}  // namespace perdure::crypto
