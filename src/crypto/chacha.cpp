#include "crypto/chacha.h"

#include "crypto/sodium.h"

namespace perdure::crypto {

void chacha_seal_into(Secret32 const& key, Nonce12 const& nonce, ByteView plaintext,
                      ByteSpan into) {
    start_sodium();
    PD_ASSERT(into.size() == plaintext.size() + chacha_overhead_bytes);
    PD_ASSERT(crypto_aead_chacha20poly1305_ietf_encrypt(
                  raw(into.data()), nullptr, raw(plaintext.data()), plaintext.size(), nullptr, 0,
                  nullptr, raw(nonce.data()), raw(key.view().data())) == 0);
}

Result<void> chacha_open_into(Secret32 const& key, Nonce12 const& nonce, ByteView sealed,
                              ByteSpan into) {
    start_sodium();
    if (sealed.size() < chacha_overhead_bytes) {
        return fail(Fault::corrupt, "a sealed part is too short");
    }
    PD_ASSERT(into.size() == sealed.size() - chacha_overhead_bytes);
    if (crypto_aead_chacha20poly1305_ietf_decrypt(raw(into.data()), nullptr, nullptr,
                                                  raw(sealed.data()), sealed.size(), nullptr, 0,
                                                  raw(nonce.data()), raw(key.view().data())) != 0) {
        return fail(Fault::corrupt, "a sealed part is not for this key, or was changed");
    }
    return {};
}

}  // namespace perdure::crypto
