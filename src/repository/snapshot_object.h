#pragma once

#include "crypto/sign.h"
#include "repository/lease.h"
#include "repository/snapshot.h"
#include "system/random.h"

namespace perdure::repository {

inline constexpr std::size_t snapshot_bytes_max = 64u << 20;

/// Which kind of object of a session is sealed: snapshots and pins have one form, and no body of
/// the one opens as the other. docs/FORMAT.md "Snapshot", "Pin".
struct SessionSeal {
    std::string_view magic;  ///< four characters
    std::string_view what;   ///< in its keys, and for people: "snapshot", "pin"
    RepositoryId const& repository;
    Domain const& common;
};

/// preamble ‖ repository ‖ session ‖ salt ‖ commitment ‖ sealed `plain`. Threads: any.
Bytes seal_for_session(SessionSeal const& seal, SessionId const& session, ByteView plain,
                       system::Random& random);
/// What was sealed. Fails: corrupt code 14 (changed, or moved from another session or repository);
/// unsupported code 1 (a newer format).
Result<Bytes> open_for_session(SessionSeal const& seal, SessionId const& session, ByteView body);

struct SnapshotSeal {
    RepositoryId const& repository;
    DomainPtr const& common;
};

/// The body of a snapshot object: preamble ‖ repository ‖ session ‖ salt ‖ commitment ‖ sealed
/// (snapshot ‖ signature). docs/FORMAT.md §snapshot.
Bytes seal_snapshot(Snapshot const& snapshot, SnapshotSeal const& seal,
                    crypto::SignPair const& writer, system::Random& random);

/// Opens a body; the signature is checked with the key that `writer_key` knows for the snapshot's
/// writer. Fills in object_hash.
/// Fails: corrupt code 14 (changed, moved from another session or repository, signed by nobody we
/// know); unsupported code 1 (a newer format).
Result<Snapshot> open_snapshot(
    ByteView body, SessionId const& session, SnapshotSeal const& seal,
    std::function<std::optional<crypto::VerifyKey>(crypto::Digest const&)> const& writer_key);

}  // namespace perdure::repository
