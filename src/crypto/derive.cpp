#include "crypto/derive.h"

#include <fmt/core.h>

#include "crypto/sha256_state.h"
#include "crypto/sodium.h"

namespace perdure::crypto {

namespace {
constexpr std::uint32_t memory_kib_min = 64 * 1024;
constexpr std::uint32_t memory_kib_max = 1024 * 1024;
constexpr std::uint32_t passes_min = 3;
constexpr std::uint32_t passes_max = 16;
}  // namespace

Result<void> check_cost(PassphraseCost cost) {
    if (cost.memory_kib < memory_kib_min || cost.memory_kib > memory_kib_max) {
        return fail(Fault::denied,
                    fmt::format("the passphrase cost of {} MiB lies outside 64 MiB … 1 GiB",
                                cost.memory_kib / 1024));
    }
    if (cost.passes < passes_min || cost.passes > passes_max) {
        return fail(
            Fault::denied,
            fmt::format("the passphrase cost of {} passes lies outside 3 … 16", cost.passes));
    }
    return {};
}

Result<Secret32> key_from_passphrase(ByteView passphrase, Salt16 const& salt, PassphraseCost cost) {
    PD_CHECK(check_cost(cost));
    start_sodium();
    static_assert(Salt16::size == crypto_pwhash_argon2id_SALTBYTES);
    Secret32 key;
    // libsodium wants an address, for nothing as well.
    char const* const typed =
        passphrase.empty() ? "" : reinterpret_cast<char const*>(passphrase.data());
    auto const failed = crypto_pwhash_argon2id(
        raw(key.span().data()), Secret32::size, typed, passphrase.size(), raw(salt.bytes.data()),
        cost.passes, std::size_t{cost.memory_kib} * 1024, crypto_pwhash_argon2id_ALG_ARGON2ID13);
    if (failed != 0) {
        // GCOVR_EXCL_START no test can take this memory away
        return fail(Fault::exhausted,
                    fmt::format("too little memory to derive a key from the passphrase ({} MiB)",
                                cost.memory_kib / 1024));
        // GCOVR_EXCL_STOP
    }
    return key;
}

Secret32 hkdf(ByteView secret, ByteView salt, ByteView info) {
    Secret32 pseudorandom;
    HmacStates(salt).mac({secret}, pseudorandom.span());
    constexpr std::array<std::byte, 1> first_block{std::byte{1}};
    Secret32 key;
    HmacStates(pseudorandom.view()).mac({info, first_block}, key.span());
    return key;
}

}  // namespace perdure::crypto
