#include "crypto/sign.h"

#include "crypto/sodium.h"

namespace perdure::crypto {

SealPair make_seal_pair(system::Random& random) {
    start_sodium();
    SealPair pair;
    random.fill(pair.secret.span());
    crypto_scalarmult_base(raw(pair.open.bytes.data()), raw(pair.secret.view().data()));
    return pair;
}

Bytes seal_to(PublicKey const& recipient, ByteView plaintext) {
    start_sodium();
    Bytes sealed(plaintext.size() + crypto_box_SEALBYTES);
    // Refuses only public keys of low order, which no pair of ours has; a header that brings one is
    // authenticated before its keys are used.
    PD_ASSERT(crypto_box_seal(raw(sealed.data()), raw(plaintext.data()), plaintext.size(),
                              raw(recipient.bytes.data())) == 0);
    return sealed;
}

Result<Bytes> open_from(SealPair const& pair, ByteView sealed) {
    start_sodium();
    if (sealed.size() < crypto_box_SEALBYTES) {
        return fail(Fault::denied, "a sealed box is too short");
    }
    Bytes plaintext(sealed.size() - crypto_box_SEALBYTES);
    if (crypto_box_seal_open(raw(plaintext.data()), raw(sealed.data()), sealed.size(),
                             raw(pair.open.bytes.data()), raw(pair.secret.view().data())) != 0) {
        wipe(plaintext);
        return fail(Fault::denied, "a sealed box is not for this key, or was changed");
    }
    return plaintext;
}

SignPair sign_pair_from_seed(Secret32 const& seed) {
    start_sodium();
    SignPair pair{seed, {}};
    Secret<crypto_sign_SECRETKEYBYTES> expanded;
    crypto_sign_seed_keypair(raw(pair.open.bytes.data()), raw(expanded.span().data()),
                             raw(seed.view().data()));
    return pair;
}

SignPair make_sign_pair(system::Random& random) {
    Secret32 seed;
    random.fill(seed.span());
    return sign_pair_from_seed(seed);
}

Signature sign(SignPair const& pair, ByteView message) {
    start_sodium();
    // libsodium's secret key is seed ‖ public key.
    Secret<crypto_sign_SECRETKEYBYTES> expanded;
    std::memcpy(expanded.span().data(), pair.seed.view().data(), Secret32::size);
    std::memcpy(expanded.span().data() + Secret32::size, pair.open.bytes.data(), VerifyKey::size);
    Signature signature;
    crypto_sign_detached(raw(signature.bytes.data()), nullptr, raw(message.data()), message.size(),
                         raw(expanded.view().data()));
    return signature;
}

bool verify(VerifyKey const& key, ByteView message, Signature const& signature) {
    start_sodium();
    return crypto_sign_verify_detached(raw(signature.bytes.data()), raw(message.data()),
                                       message.size(), raw(key.bytes.data())) == 0;
}

}  // namespace perdure::crypto
