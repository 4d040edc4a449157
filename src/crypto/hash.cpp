#include "crypto/hash.h"

#include "crypto/sha256_state.h"

#include <openssl/crypto.h>

namespace perdure::crypto {

void wipe(ByteSpan bytes) {
    OPENSSL_cleanse(bytes.data(), bytes.size());
}

Digest sha256(ByteView bytes) {
    SHA256_CTX state;
    SHA256_Init(&state);
    sha256_update(state, bytes);
    Digest digest;
    sha256_finish(state, digest.bytes);
    return digest;
}

struct Sha256::State {
    SHA256_CTX sha;
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
    SHA256_Init(&state_->sha);
}
Sha256::~Sha256() {
    if (state_) OPENSSL_cleanse(&state_->sha, sizeof state_->sha);
}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(ByteView bytes) {
    sha256_update(state_->sha, bytes);
}

Digest Sha256::finish() {
    Digest digest;
    sha256_finish(state_->sha, digest.bytes);
    SHA256_Init(&state_->sha);
    return digest;
}

HmacStates::HmacStates(ByteView key) {
    std::array<std::byte, SHA256_CBLOCK> block{};
    if (key.size() > block.size()) {
        Digest const short_key = sha256(key);
        std::memcpy(block.data(), short_key.bytes.data(), short_key.size);
    } else if (!key.empty()) {
        std::memcpy(block.data(), key.data(), key.size());
    }
    for (auto& byte : block) byte ^= std::byte{0x36};
    SHA256_Init(&inner);
    sha256_update(inner, block);
    for (auto& byte : block) byte ^= std::byte{0x36 ^ 0x5c};
    SHA256_Init(&outer);
    sha256_update(outer, block);
    wipe(block);
}

HmacStates::~HmacStates() {
    OPENSSL_cleanse(&inner, sizeof inner);
    OPENSSL_cleanse(&outer, sizeof outer);
}

void HmacStates::mac(std::initializer_list<ByteView> parts, ByteSpan into) const {
    SHA256_CTX state = inner;
    for (ByteView const part : parts) sha256_update(state, part);
    std::array<std::byte, SHA256_DIGEST_LENGTH> middle;
    sha256_finish(state, middle);
    state = outer;
    sha256_update(state, middle);
    sha256_finish(state, into);
    OPENSSL_cleanse(&state, sizeof state);
}

struct HmacKey::State {
    HmacStates states;
};

HmacKey::HmacKey(Secret32 const& key)
    : state_(std::make_unique<State>(State{HmacStates(key.view())})) {}
HmacKey::~HmacKey() = default;
HmacKey::HmacKey(HmacKey&&) noexcept = default;
HmacKey& HmacKey::operator=(HmacKey&&) noexcept = default;

Digest HmacKey::mac(std::initializer_list<ByteView> parts) const {
    Digest digest;
    state_->states.mac(parts, digest.bytes);
    return digest;
}

Secret32 HmacKey::derive(std::initializer_list<ByteView> parts) const {
    Secret32 key;
    state_->states.mac(parts, key.span());
    return key;
}

bool equal_constant_time(ByteView a, ByteView b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace perdure::crypto
