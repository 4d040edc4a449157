#include <algorithm>

#include "crypto/seal.h"
#include "repository/keyring/manifest.h"
#include "repository/preamble.h"

namespace perdure::repository {

namespace {

constexpr std::string_view shard_magic = "PDKS";
constexpr std::string_view addition_magic = "PDKA";

Error damaged(std::string what) {
    return fail(Fault::corrupt, std::move(what)).with_code(14);
}

Result<void> expect_repository(Decoder& in, RepositoryId const& repository) {
    PD_TRY(auto const found, in.id<RepositoryId>());
    if (found != repository) return damaged("a keyring object of another repository");
    return {};
}

void encode_addition_header(Encoder& out, Addition const& addition,
                            RepositoryId const& repository) {
    Preamble{}.encode(out, addition_magic);
    out.raw(repository.view());
    out.u64(addition.inbox_epoch);
    out.raw(addition.session.view());
    out.u32(addition.number);
}

crypto::Digest addition_code(ManifestBody const& body, ByteView header, ByteView payload) {
    return crypto::HmacKey(body.authenticity).mac({as_bytes("perdure1/addition"), header, payload});
}

Result<Addition> decode_addition_header(Decoder& in, RepositoryId* repository) {
    PD_TRY(Preamble const preamble, Preamble::decode(in, addition_magic));
    static_cast<void>(preamble);
    Addition addition;
    PD_TRY(*repository, in.id<RepositoryId>());
    PD_TRY(addition.inbox_epoch, in.u64());
    PD_TRY(addition.session, in.id<SessionId>());
    PD_TRY(addition.number, in.u32());
    return addition;
}

}  // namespace

Bytes seal_shard(EntrySet const& set, RepositoryId const& repository, crypto::Secret32 const& key,
                 system::Random& random) {
    auto const salt = random.draw<Salt32>();
    crypto::HmacKey const keyed(key);
    Encoder out;
    Preamble{}.encode(out, shard_magic);
    out.raw(repository.view());
    out.raw(salt.view());
    out.raw(keyed.mac({as_bytes("commit"), salt.view()}).view());
    Encoder plain;
    plain.reserve(shard_bytes_max);  // so that growing leaves no copies of secrets behind
    set.encode(plain);
    Bytes secret = plain.take();
    Bytes bytes = out.take();
    Bytes const header = bytes;
    crypto::seal_once(keyed.derive({as_bytes("shard"), salt.view()}), header, secret, bytes);
    crypto::wipe(secret);
    return bytes;
}

Result<EntrySet> open_shard(ByteView bytes, RepositoryId const& repository, ShardRef const& ref) {
    if (crypto::sha256(bytes) != ref.name) return damaged("a shard does not have its name's bytes");
    Decoder in(bytes);
    PD_TRY(Preamble const preamble, Preamble::decode(in, shard_magic));
    static_cast<void>(preamble);
    PD_CHECK(expect_repository(in, repository));
    PD_TRY(auto const salt, in.id<Salt32>());
    PD_TRY(ByteView const commitment, in.raw(32));
    crypto::HmacKey const keyed(ref.key);
    auto const expected = keyed.mac({as_bytes("commit"), salt.view()});
    if (!crypto::equal_constant_time(expected.view(), commitment)) {
        return damaged("the key of a shard does not fit its commitment");
    }
    auto const header = bytes.first(bytes.size() - in.left());
    PD_TRY(ByteView const sealed, in.raw(in.left()));
    PD_TRY(Bytes plain,
           crypto::open_sealed(keyed.derive({as_bytes("shard"), salt.view()}), header, sealed));
    Decoder inside(plain);
    auto set = EntrySet::decode(inside);
    crypto::wipe(plain);
    if (!set) return std::move(set).error().within("a shard");
    PD_CHECK(inside.expect_end());
    return set;
}

Bytes seal_addition(Addition const& addition, RepositoryId const& repository,
                    ManifestBody const& body) {
    PD_ASSERT(addition.inbox_epoch == body.inboxes.front().epoch);
    Encoder out;
    encode_addition_header(out, addition, repository);
    Encoder payload;
    payload.reserve(addition_bytes_max);
    addition.set.encode(payload);
    encode_writers(payload, addition.writers);
    auto const code = addition_code(body, out.view(), payload.view());
    payload.raw(code.view());
    Bytes secret = payload.take();
    out.raw(crypto::seal_to(body.inboxes.front().pair.open, secret));
    crypto::wipe(secret);
    return out.take();
}

Result<std::uint64_t> addition_epoch(ByteView bytes) {
    Decoder in(bytes);
    RepositoryId repository;
    PD_TRY(Addition const addition, decode_addition_header(in, &repository));
    return addition.inbox_epoch;
}

Result<Addition> open_addition(ByteView bytes, RepositoryId const& repository,
                               ManifestBody const& body) {
    Decoder in(bytes);
    RepositoryId found;
    PD_TRY(Addition addition, decode_addition_header(in, &found));
    if (found != repository) return damaged("a keyring object of another repository");
    auto const header = bytes.first(bytes.size() - in.left());
    auto const inbox = std::ranges::find(body.inboxes, addition.inbox_epoch, &Inbox::epoch);
    if (inbox == body.inboxes.end()) {
        return fail(Fault::denied, "an addition to the keyring is sealed to another inbox");
    }
    PD_TRY(ByteView const sealed, in.raw(in.left()));
    auto secret = crypto::open_from(inbox->pair, sealed);
    if (!secret) return damaged("an addition to the keyring does not open with its inbox");
    if (secret->size() < 32) return damaged("an addition to the keyring is too short");
    auto const payload = ByteView(*secret).first(secret->size() - 32);
    auto const code = addition_code(body, header, payload);
    if (!crypto::equal_constant_time(code.view(), ByteView(*secret).last(32))) {
        return damaged("an addition was not made by a holder of the keys");
    }
    Decoder inside(payload);
    PD_TRY(addition.set, EntrySet::decode(inside));
    PD_TRY(addition.writers, decode_writers(inside));
    PD_CHECK(inside.expect_end());
    crypto::wipe(*secret);
    return addition;
}

}  // namespace perdure::repository
