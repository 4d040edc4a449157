#include "repository/keyring/slot.h"

#include <optional>

#include "base/time_codec.h"
#include "crypto/derive.h"
#include "crypto/seal.h"

namespace perdure::repository {

namespace {

constexpr std::size_t wrapped_bytes = 64 + crypto::seal_overhead_bytes;
constexpr std::size_t sealed_root_bytes = 32 + 48;  // crypto_box_seal adds 48
constexpr std::size_t key_file_bytes_min = 16;
constexpr std::size_t command_bytes_min = 32;

/// The slots that a secret may open by its looks.
SlotKind kind_of(KeySecret const& secret) {
    switch (secret.kind) {
        case KeySecret::Kind::passphrase:
            return SlotKind::passphrase;
        case KeySecret::Kind::key_file:
            return SlotKind::key_file;
        case KeySecret::Kind::recovery_phrase:
            return SlotKind::recovery_phrase;
    }
    PD_ASSERT(false);
}

/// The slot that is made for it: what a program prints is hardly what a person could remember.
SlotKind kind_made_for(KeySecret const& secret) {
    bool const random = secret.from_command && secret.bytes.view().size() >= command_bytes_min;
    return random ? SlotKind::command : kind_of(secret);
}

/// The key that wraps a slot, from what its owner knows.
Result<crypto::Secret32> wrapping_key(KeySecret const& secret, SlotKind kind,
                                      crypto::Salt16 const& salt, crypto::PassphraseCost cost) {
    switch (kind) {
        case SlotKind::passphrase:
            return crypto::key_from_passphrase(secret.bytes.view(), salt, cost);
        case SlotKind::key_file:
            return crypto::hkdf(secret.bytes.view(), salt.view(),
                                as_bytes("perdure1/slot/key-file"));
        case SlotKind::command:
            return crypto::hkdf(secret.bytes.view(), salt.view(),
                                as_bytes("perdure1/slot/command"));
        case SlotKind::recovery_phrase: {
            PD_TRY(auto const bits, parse_recovery_phrase(as_text(secret.bytes.view())));
            return crypto::hkdf(bits.view(), salt.view(),
                                as_bytes("perdure1/slot/recovery-phrase"));
        }
    }
    PD_ASSERT(false);
}

/// Everything about a slot that must not be changed under its owner's feet.
Bytes wrap_context(Slot const& slot, RepositoryId const& repository) {
    Encoder out;
    out.raw(as_bytes("perdure1/slot"));
    out.raw(repository.view());
    out.raw(slot.info.id.view());
    out.u8(static_cast<std::uint8_t>(slot.info.kind));
    out.u32(slot.info.cost.memory_kib);
    out.u32(slot.info.cost.passes);
    out.raw(slot.salt.view());
    out.raw(slot.open.view());
    return out.take();
}

Result<void> check_strength(KeySecret const& secret) {
    auto const size = secret.bytes.view().size();
    if (secret.kind == KeySecret::Kind::passphrase && size == 0) {
        return fail(Fault::invalid, "the passphrase is empty").with_code(2);
    }
    if (secret.kind == KeySecret::Kind::key_file && size < key_file_bytes_min) {
        return fail(Fault::invalid, "a key file needs at least 16 bytes, better 32 random ones")
            .with_code(2);
    }
    return {};
}

std::optional<Opener> unwrap(Slot const& slot, crypto::Secret32 const& key,
                             RepositoryId const& repository) {
    crypto::HmacKey const keyed(key);
    auto const commitment = keyed.mac({as_bytes("commit"), slot.salt.view()});
    if (!crypto::equal_constant_time(commitment.view(), slot.commitment.view())) {
        return std::nullopt;
    }
    auto opened = crypto::open_sealed(keyed.derive({as_bytes("wrap"), slot.salt.view()}),
                                      wrap_context(slot, repository), slot.wrapped);
    if (!opened) return std::nullopt;
    Opener opener;
    ByteView const view = *opened;
    opener.slot = slot.info.id;
    opener.pair.open = slot.open;
    opener.pair.secret = crypto::Secret32(view.first<32>());
    opener.authenticity = crypto::Secret32(view.subspan<32, 32>());
    crypto::wipe(*opened);
    return opener;
}

}  // namespace

void Slot::encode(Encoder& out) const {
    PD_ASSERT(wrapped.size() == wrapped_bytes && sealed_root.size() == sealed_root_bytes);
    out.raw(info.id.view());
    out.u8(static_cast<std::uint8_t>(info.kind));
    out.text(info.label);
    encode_time(out, info.created);
    out.u32(info.cost.memory_kib);
    out.u32(info.cost.passes);
    out.raw(salt.view());
    out.raw(open.view());
    out.raw(commitment.view());
    out.raw(wrapped);
    out.raw(sealed_root);
}

Result<Slot> Slot::decode(Decoder& in) {
    Slot slot;
    PD_TRY(slot.info.id, in.id<SlotId>());
    PD_TRY(auto const kind, in.u8());
    if (kind < 1 || kind > 4) return fail(Fault::corrupt, "a key slot of an unknown kind");
    slot.info.kind = static_cast<SlotKind>(kind);
    PD_TRY(slot.info.label, in.text(label_bytes_max));
    PD_TRY(slot.info.created, decode_time(in));
    PD_TRY(slot.info.cost.memory_kib, in.u32());
    PD_TRY(slot.info.cost.passes, in.u32());
    PD_TRY(slot.salt, in.id<crypto::Salt16>());
    PD_TRY(slot.open, in.id<crypto::PublicKey>());
    PD_TRY(slot.commitment, in.id<crypto::Digest>());
    PD_TRY(ByteView const wrapped, in.raw(wrapped_bytes));
    PD_TRY(ByteView const sealed_root, in.raw(sealed_root_bytes));
    slot.wrapped = to_bytes(wrapped);
    slot.sealed_root = to_bytes(sealed_root);
    return slot;
}

Result<Slot> make_slot(NewSlot const& wish, RepositoryId const& repository,
                       crypto::Secret32 const& authenticity, Outside outside) {
    PD_CHECK(check_strength(wish.secret));
    if (wish.label.size() > label_bytes_max) {
        return fail(Fault::invalid, "the label of a key is too long").with_code(2);
    }
    Slot slot;
    slot.info.id = outside.random.draw<SlotId>();
    slot.info.kind = kind_made_for(wish.secret);
    slot.info.label = wish.label;
    slot.info.created = outside.clock.now();
    slot.info.cost = {0, 0};
    if (slot.info.kind == SlotKind::passphrase) slot.info.cost = wish.cost;
    slot.salt = outside.random.draw<crypto::Salt16>();
    auto const pair = crypto::make_seal_pair(outside.random);
    slot.open = pair.open;
    PD_TRY(auto const key, wrapping_key(wish.secret, slot.info.kind, slot.salt, slot.info.cost));
    crypto::HmacKey const keyed(key);
    slot.commitment = keyed.mac({as_bytes("commit"), slot.salt.view()});
    crypto::Secret<64> content;
    std::memcpy(content.span().data(), pair.secret.view().data(), 32);
    std::memcpy(content.span().data() + 32, authenticity.view().data(), 32);
    crypto::seal_once(keyed.derive({as_bytes("wrap"), slot.salt.view()}),
                      wrap_context(slot, repository), content.view(), slot.wrapped);
    return slot;
}

Result<Opener> open_slot(std::vector<Slot> const& slots, KeySecret const& secret,
                         RepositoryId const& repository) {
    std::optional<Error> refused;
    for (Slot const& slot : slots) {
        bool const by_command = secret.from_command && slot.info.kind == SlotKind::command;
        if (!by_command && slot.info.kind != kind_of(secret)) continue;
        auto const key = wrapping_key(secret, slot.info.kind, slot.salt, slot.info.cost);
        if (!key) {
            refused = key.error();
            continue;
        }
        if (auto opener = unwrap(slot, *key, repository)) return *std::move(opener);
    }
    if (refused) return std::move(*refused).with_code(12);
    return fail(Fault::denied, "no key slot of the repository opens with this key")
        .with_code(12)
        .with_fix("check [repository].key, or use the recovery kit: perdure key list");
}

}  // namespace perdure::repository
