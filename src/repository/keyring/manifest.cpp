#include "repository/keyring/manifest.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/time_codec.h"
#include "crypto/seal.h"
#include "repository/preamble.h"

namespace perdure::repository {

namespace {

constexpr std::string_view manifest_magic = "PDKM";

Error damaged(std::string what) {
    return fail(Fault::corrupt, std::move(what)).with_code(14);
}

Result<std::size_t> decode_count(Decoder& in, std::size_t count_max, std::size_t item_bytes) {
    PD_TRY(auto const count, in.varint());
    if (count > count_max || count > in.left() / item_bytes) {
        return damaged("a count in the manifest exceeds its limit");
    }
    return static_cast<std::size_t>(count);
}

Result<void> decode_inboxes(Decoder& in, ManifestBody& body) {
    PD_TRY(auto const count, decode_count(in, inboxes_max, 8 + 32 + 32));
    if (count == 0) return damaged("a manifest without an inbox");
    for (std::size_t i = 0; i < count; ++i) {
        Inbox inbox;
        PD_TRY(inbox.epoch, in.u64());
        PD_TRY(inbox.pair.secret, decode_secret(in));
        PD_TRY(inbox.pair.open, in.id<crypto::PublicKey>());
        if (i > 0 && inbox.epoch >= body.inboxes.back().epoch) {
            return damaged("the inboxes of a manifest are not in order");
        }
        body.inboxes.push_back(inbox);
    }
    return {};
}

Result<void> decode_shards(Decoder& in, ManifestBody& body) {
    PD_TRY(auto const count, decode_count(in, shards_max, 32 + 32));
    body.shards.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        ShardRef ref;
        PD_TRY(ref.name, in.id<crypto::Digest>());
        PD_TRY(ref.key, decode_secret(in));
        body.shards.push_back(ref);
    }
    return {};
}

struct Parts {
    Manifest header;
    ByteView header_bytes, commitment, sealed, authentic;
};

/// Header, then commitment(32), sealed body, authenticity code(32), the last three from the end.
Result<Parts> split(ByteView bytes) {
    Decoder in(bytes);
    Parts parts;
    PD_TRY(parts.header, Manifest::decode_header(in));
    parts.header_bytes = bytes.first(bytes.size() - in.left());
    PD_TRY(parts.commitment, in.raw(32));
    PD_TRY(parts.sealed, in.bytes(manifest_bytes_max));
    PD_TRY(parts.authentic, in.raw(32));
    PD_CHECK(in.expect_end());
    return parts;
}

std::size_t body_bytes_estimate(ManifestBody const& body) {
    return 1024 + body.inboxes.size() * 72 + body.writers.size() * (label_bytes_max + 34) +
           body.shards.size() * 64 + body.erasing.size() * 32;
}

crypto::Digest authenticity_code(crypto::Secret32 const& key, ByteView bytes) {
    return crypto::HmacKey(key).mac({as_bytes("perdure1/manifest"), bytes});
}

}  // namespace

void ManifestBody::encode(Encoder& out) const {
    out.raw(authenticity.view());
    out.raw(common.handle.view());
    out.u32(common.generation);
    out.raw(common.secret.view());
    out.raw(lookup.view());
    out.raw(chunk.view());
    out.raw(ledger_head.view());
    out.varint(inboxes.size());
    for (Inbox const& inbox : inboxes) {
        out.u64(inbox.epoch);
        out.raw(inbox.pair.secret.view());
        out.raw(inbox.pair.open.view());
    }
    encode_writers(out, writers);
    out.varint(shards.size());
    for (ShardRef const& ref : shards) {
        out.raw(ref.name.view());
        out.raw(ref.key.view());
    }
    out.varint(erasing.size());
    for (Token const& token : erasing) out.raw(token.view());
}

Result<ManifestBody> ManifestBody::decode(Decoder& in) {
    ManifestBody body;
    PD_TRY(body.authenticity, decode_secret(in));
    PD_TRY(body.common.handle, in.id<Handle>());
    PD_TRY(body.common.generation, in.u32());
    PD_CHECK(check_generation(body.common.generation));
    PD_TRY(body.common.secret, decode_secret(in));
    PD_TRY(body.lookup, decode_secret(in));
    PD_TRY(body.chunk, decode_secret(in));
    PD_TRY(body.ledger_head, in.id<crypto::Digest>());
    PD_CHECK(decode_inboxes(in, body));
    PD_TRY(body.writers, decode_writers(in));
    PD_CHECK(decode_shards(in, body));
    PD_TRY(auto const erasing, decode_count(in, erasing_max, 32));
    for (std::size_t i = 0; i < erasing; ++i) {
        PD_TRY(Token const token, in.id<Token>());
        body.erasing.push_back(token);
    }
    PD_CHECK(in.expect_end());
    return body;
}

void Manifest::encode_header(Encoder& out) const {
    Preamble{}.encode(out, manifest_magic);
    out.raw(repository.view());
    out.u64(epoch);
    out.raw(config_hash.view());
    out.raw(previous.view());
    out.u8(key_mode);
    encode_time(out, created);
    out.raw(salt.view());
    out.varint(slots.size());
    for (Slot const& slot : slots) slot.encode(out);
    out.bytes(optional);
}

Result<Manifest> Manifest::decode_header(Decoder& in) {
    PD_TRY(Preamble const preamble, Preamble::decode(in, manifest_magic));
    static_cast<void>(preamble);
    Manifest manifest;
    PD_TRY(manifest.repository, in.id<RepositoryId>());
    PD_TRY(manifest.epoch, in.u64());
    PD_TRY(manifest.config_hash, in.id<crypto::Digest>());
    PD_TRY(manifest.previous, in.id<crypto::Digest>());
    PD_TRY(manifest.key_mode, in.u8());
    if (manifest.key_mode != 0) {
        return fail(Fault::unsupported,
                    fmt::format("key mode {} is newer than this program", manifest.key_mode))
            .with_code(1);
    }
    PD_TRY(manifest.created, decode_time(in));
    PD_TRY(manifest.salt, in.id<Salt32>());
    PD_TRY(auto const slots, in.varint());
    if (slots == 0 || slots > slots_max) return damaged("a manifest with too many or no key slots");
    for (std::uint64_t i = 0; i < slots; ++i) {
        PD_TRY(Slot slot, Slot::decode(in));
        manifest.slots.push_back(std::move(slot));
    }
    PD_TRY(ByteView const optional, in.bytes(optional_bytes_max));
    manifest.optional = to_bytes(optional);
    return manifest;
}

Bytes seal_manifest(Manifest manifest, ManifestBody const& body, system::Random& random) {
    crypto::Secret32 root;
    random.fill(root.span());
    random.fill(manifest.salt.bytes);
    for (Slot& slot : manifest.slots) slot.sealed_root = crypto::seal_to(slot.open, root.view());
    crypto::HmacKey const keyed(root);
    Encoder out;
    manifest.encode_header(out);
    Bytes const header = out.view();
    Encoder plain;
    plain.reserve(body_bytes_estimate(body));  // so that growing leaves no copies of secrets
    body.encode(plain);
    Bytes secret = plain.take();
    PD_ASSERT(secret.size() + crypto::seal_overhead_bytes <= manifest_bytes_max);
    Bytes sealed;
    crypto::seal_once(keyed.derive({as_bytes("manifest"), manifest.salt.view()}), header, secret,
                      sealed);
    crypto::wipe(secret);
    out.raw(keyed.mac({as_bytes("commit"), manifest.salt.view()}).view());
    out.bytes(sealed);
    out.raw(authenticity_code(body.authenticity, out.view()).view());
    return out.take();
}

Result<Manifest> read_manifest_header(ByteView bytes) {
    PD_TRY(Parts parts, split(bytes));
    return std::move(parts.header);
}

Result<OpenedManifest> open_manifest(ByteView bytes, Opener const& opener) {
    PD_TRY(Parts parts, split(bytes));
    auto const code = authenticity_code(opener.authenticity, bytes.first(bytes.size() - 32));
    if (!crypto::equal_constant_time(code.view(), parts.authentic)) {
        return damaged("the keyring's manifest was not made by a holder of its keys");
    }
    auto const slot = std::ranges::find(parts.header.slots, opener.slot,
                                        [](Slot const& each) { return each.info.id; });
    if (slot == parts.header.slots.end()) {
        return fail(Fault::denied, "this key was removed from the repository").with_code(12);
    }
    PD_TRY(Bytes root_bytes, crypto::open_from(opener.pair, slot->sealed_root));
    if (root_bytes.size() != 32) return damaged("a sealed root of the wrong length");
    crypto::Secret32 const root(ByteView(root_bytes).first<32>());
    crypto::wipe(root_bytes);
    crypto::HmacKey const keyed(root);
    auto const salt = parts.header.salt.view();
    auto const commitment = keyed.mac({as_bytes("commit"), salt});
    if (!crypto::equal_constant_time(commitment.view(), parts.commitment)) {
        return damaged("the root of the manifest does not fit its commitment");
    }
    PD_TRY(Bytes plain, crypto::open_sealed(keyed.derive({as_bytes("manifest"), salt}),
                                            parts.header_bytes, parts.sealed));
    Decoder in(plain);
    auto body = ManifestBody::decode(in);
    crypto::wipe(plain);
    if (!body) return std::move(body).error().within("the manifest's body");
    OpenedManifest opened{std::move(parts.header), *std::move(body), crypto::sha256(bytes)};
    return opened;
}

std::string manifest_name(std::uint64_t epoch) {
    return fmt::format("keyring/m/{}", epoch);
}
std::string shard_name(crypto::Digest const& hash) {
    return "keyring/s/" + to_hex(hash);
}
std::string addition_name(SessionId const& session, std::uint32_t number) {
    return fmt::format("keyring/a/{}-{}", to_hex(session), number);
}

}  // namespace perdure::repository
