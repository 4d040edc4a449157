#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/secret.h"
#include "system/random.h"

namespace perdure::crypto {

using PublicKey = Opaque<32, struct PublicKeyTag>;  ///< X25519, to seal to
using VerifyKey = Opaque<32, struct VerifyKeyTag>;  ///< Ed25519, to verify with
using Signature = Opaque<64, struct SignatureTag>;

struct SealPair {
    Secret32 secret;
    PublicKey open;
};
SealPair make_seal_pair(system::Random& random);

/// Anonymous sealed box to a public key (libsodium crypto_box_seal: X25519, XSalsa20-Poly1305).
Bytes seal_to(PublicKey const& recipient, ByteView plaintext);
/// Fails: denied when the box is not for this pair or was changed.
Result<Bytes> open_from(SealPair const& pair, ByteView sealed);

struct SignPair {
    Secret32 seed;
    VerifyKey open;
};
SignPair make_sign_pair(system::Random& random);
SignPair sign_pair_from_seed(Secret32 const& seed);
/// Ed25519 (RFC 8032).
Signature sign(SignPair const& pair, ByteView message);
bool verify(VerifyKey const& key, ByteView message, Signature const& signature);

}  // namespace perdure::crypto
