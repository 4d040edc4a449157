#include "crypto/exchange.h"

#include <fmt/core.h>

#include "crypto/sodium.h"

namespace perdure::crypto {

PublicKey x25519_public(Secret32 const& secret) {
    start_sodium();
    PublicKey open;
    crypto_scalarmult_base(raw(open.bytes.data()), raw(secret.view().data()));
    return open;
}

Result<Secret32> x25519_shared(Secret32 const& secret, PublicKey const& theirs) {
    start_sodium();
    Secret32 shared;
    // libsodium refuses the results that points of low order give.
    if (crypto_scalarmult(raw(shared.span().data()), raw(secret.view().data()),
                          raw(theirs.bytes.data())) != 0) {
        return fail(Fault::denied, "a public key of low order");
    }
    return shared;
}

Result<Secret32> scrypt(ByteView passphrase, ByteView salt, unsigned work_factor) {
    constexpr unsigned factor_max = 20;
    if (work_factor < 1 || work_factor > factor_max) {
        return fail(Fault::denied, fmt::format("a passphrase cost of 2^{} lies outside 2^1 … 2^{}",
                                               work_factor, factor_max));
    }
    start_sodium();
    Secret32 key;
    if (crypto_pwhash_scryptsalsa208sha256_ll(
            raw(passphrase.data()), passphrase.size(), raw(salt.data()), salt.size(),
            std::uint64_t{1} << work_factor, 8, 1, raw(key.span().data()), Secret32::size) != 0) {
        // GCOVR_EXCL_START no test can take this memory away
        return fail(Fault::exhausted,
                    fmt::format("too little memory to derive a key from the passphrase ({} MiB)",
                                (std::uint64_t{1} << work_factor) >> 10));
        // GCOVR_EXCL_STOP
    }
    return key;
}

Result<Bytes> scrypt_stream(ByteView passphrase, ByteView salt32, std::uint64_t operations,
                            std::uint64_t memory_bytes, std::size_t length) {
    constexpr std::uint64_t operations_max = std::uint64_t{1} << 26;
    constexpr std::uint64_t memory_max = std::uint64_t{1} << 30;
    if (operations > operations_max || memory_bytes > memory_max) {
        return fail(Fault::denied, "the key's passphrase costs more than 1 GiB or 2^26 steps");
    }
    PD_ASSERT(salt32.size() == crypto_pwhash_scryptsalsa208sha256_SALTBYTES);
    start_sodium();
    Bytes stream(length);
    if (crypto_pwhash_scryptsalsa208sha256(
            raw(stream.data()), stream.size(), reinterpret_cast<char const*>(passphrase.data()),
            passphrase.size(), raw(salt32.data()), operations, memory_bytes) != 0) {
        return fail(Fault::exhausted,  // GCOVR_EXCL_LINE no test can take this memory away
                    "too little memory to open the key with the passphrase");
    }
    return stream;
}

}  // namespace perdure::crypto
