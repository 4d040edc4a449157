#pragma once

#include <string>
#include <vector>

#include "base/codec.h"
#include "repository/keyring/keyring.h"

namespace perdure::repository {

inline constexpr std::size_t slots_max = 32;
inline constexpr std::size_t label_bytes_max = 256;

/// A key slot as the manifest's header shows it. The wrapped part is the slot's X25519 secret and
/// the repository's authenticity key, sealed under what the person knows; it never changes, so a
/// printed kit stays valid over every epoch. The root of the epoch is sealed to `open`.
struct Slot {
    SlotInfo info;
    crypto::Salt16 salt;
    crypto::PublicKey open;
    crypto::Digest commitment;
    Bytes wrapped;
    Bytes sealed_root;

    void encode(Encoder& out) const;
    static Result<Slot> decode(Decoder& in);
};

/// What opening a slot yields: enough for every later epoch without asking anyone again.
struct Opener {
    SlotId slot;
    crypto::SealPair pair;
    crypto::Secret32 authenticity;
};

/// Fails: invalid (an empty passphrase, a key file below 16 bytes, a mistyped phrase); denied
/// (cost).
Result<Slot> make_slot(NewSlot const& wish, RepositoryId const& repository,
                       crypto::Secret32 const& authenticity, Outside outside);
/// Fails: denied code 12, when no slot of the kind fits the secret.
Result<Opener> open_slot(std::vector<Slot> const& slots, KeySecret const& secret,
                         RepositoryId const& repository);

}  // namespace perdure::repository
