#include "repository/snapshot_object.h"

#include <fmt/core.h>

#include "crypto/seal.h"
#include "repository/pack/object_header.h"
#include "repository/preamble.h"

namespace perdure::repository {

namespace {

constexpr std::string_view snapshot_magic = "PDSN";
constexpr std::string_view signing_context = "perdure1/snapshot";

Error bad(char const* what) {
    return fail(Fault::corrupt, what).with_code(14);
}

Bytes signed_message(RepositoryId const& repository, ByteView snapshot) {
    Bytes message = to_bytes(signing_context);
    append(message, repository.view());
    append(message, snapshot);
    return message;
}

SessionSeal session_seal(SnapshotSeal const& seal) {
    return {snapshot_magic, "snapshot", seal.repository, *seal.common};
}

crypto::Secret32 sealing_key(SessionSeal const& seal, Salt const& salt) {
    return seal.common.meta().derive({as_bytes(seal.what), salt.view()});
}

crypto::Digest commitment(SessionSeal const& seal, Salt const& salt) {
    return seal.common.meta().mac({as_bytes("commit"), as_bytes(seal.what), salt.view()});
}

}  // namespace

Bytes seal_for_session(SessionSeal const& seal, SessionId const& session, ByteView plain,
                       system::Random& random) {
    Encoder out;
    Preamble{}.encode(out, seal.magic);
    out.raw(seal.repository.view());
    out.raw(session.view());
    Salt const salt = random.draw<Salt>();
    out.raw(salt.view());
    Bytes body = out.take();
    Bytes const associated = body;
    append(body, commitment(seal, salt).view());
    crypto::seal_once(sealing_key(seal, salt), associated, plain, body);
    return body;
}

Result<Bytes> open_for_session(SessionSeal const& seal, SessionId const& session, ByteView body) {
    auto const refused = [&](std::string_view why) {
        return fail(Fault::corrupt, fmt::format("the {} {}", seal.what, why)).with_code(14);
    };
    Decoder in(body);
    PD_CHECK(Preamble::decode(in, seal.magic));
    PD_TRY(auto const repository, in.id<RepositoryId>());
    PD_TRY(auto const named, in.id<SessionId>());
    PD_TRY(auto const salt, in.id<Salt>());
    ByteView const associated = body.first(body.size() - in.left());
    PD_TRY(auto const committed, in.id<crypto::Digest>());
    if (repository != seal.repository || named != session) {
        return refused("belongs to another repository or session");
    }
    if (!crypto::equal_constant_time(commitment(seal, salt).view(), committed.view())) {
        return refused("is not sealed under this repository's key");
    }
    auto plain = crypto::open_sealed(sealing_key(seal, salt), associated, body.last(in.left()));
    if (!plain) return refused("was changed");
    return plain;
}

Bytes seal_snapshot(Snapshot const& snapshot, SnapshotSeal const& seal,
                    crypto::SignPair const& writer, system::Random& random) {
    Encoder plain;
    plain.bytes(snapshot.encode());
    auto const message = signed_message(seal.repository, snapshot.encode());
    plain.raw(crypto::sign(writer, message).view());
    return seal_for_session(session_seal(seal), snapshot.session, plain.view(), random);
}

Result<Snapshot> open_snapshot(
    ByteView body, SessionId const& session, SnapshotSeal const& seal,
    std::function<std::optional<crypto::VerifyKey>(crypto::Digest const&)> const& writer_key) {
    PD_TRY(Bytes const plain, open_for_session(session_seal(seal), session, body));
    Decoder inner(plain);
    PD_TRY(ByteView const encoded, inner.bytes(snapshot_bytes_max));
    PD_TRY(auto const signature, inner.id<crypto::Signature>());
    PD_CHECK(inner.expect_end());
    PD_TRY(Snapshot snapshot, Snapshot::decode(encoded));
    auto const key = writer_key(snapshot.writer);
    if (!key) return bad("the snapshot's writer is not in the keyring");
    if (!crypto::verify(*key, signed_message(seal.repository, encoded), signature)) {
        return bad("the snapshot's signature does not fit");
    }
    if (snapshot.session != session) return bad("the snapshot names another session");
    snapshot.object_hash = crypto::sha256(body);
    return snapshot;
}

}  // namespace perdure::repository
