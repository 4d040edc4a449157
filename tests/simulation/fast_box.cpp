// Stand-ins for the public-key functions of crypto/sign.h, linked into the simulation instead of
// them: the protocols need that a box opens with its own pair only, not that it is secret, and real
// curves would take nine tenths of the time.
#include "crypto/hash.h"
#include "crypto/sign.h"

namespace perdure::crypto {

namespace {
PublicKey public_of(Secret32 const& secret) {
    PublicKey key;
    key.bytes = sha256(secret.view()).bytes;
    return key;
}
}  // namespace

SealPair make_seal_pair(system::Random& random) {
    SealPair pair;
    random.fill(pair.secret.span());
    pair.open = public_of(pair.secret);
    return pair;
}

Bytes seal_to(PublicKey const& recipient, ByteView plaintext) {
    Bytes sealed = to_bytes(recipient.view());
    sealed.resize(48);  // as long as the real one
    append(sealed, plaintext);
    return sealed;
}

Result<Bytes> open_from(SealPair const& pair, ByteView sealed) {
    if (sealed.size() < 48 || public_of(pair.secret) != pair.open ||
        !equal_constant_time(sealed.first(32), pair.open.view())) {
        return fail(Fault::denied, "a sealed box is not for this key, or was changed");
    }
    return to_bytes(sealed.subspan(48));
}

SignPair sign_pair_from_seed(Secret32 const& seed) {
    SignPair pair{seed, {}};
    pair.open.bytes = sha256(seed.view()).bytes;
    return pair;
}

SignPair make_sign_pair(system::Random& random) {
    Secret32 seed;
    random.fill(seed.span());
    return sign_pair_from_seed(seed);
}

Signature sign(SignPair const& pair, ByteView message) {
    Bytes bytes = to_bytes(pair.open.view());
    append(bytes, message);
    Signature signature;
    std::memcpy(signature.bytes.data(), sha256(bytes).bytes.data(), Digest::size);
    return signature;
}

bool verify(VerifyKey const& key, ByteView message, Signature const& signature) {
    SignPair pair;
    pair.open = key;
    return sign(pair, message) == signature;
}

}  // namespace perdure::crypto
