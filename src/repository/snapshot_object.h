#pragma once

#include "crypto/sign.h"
#include "repository/lease.h"
#include "repository/snapshot.h"
#include "system/random.h"

namespace perdure::repository {

inline constexpr std::size_t snapshot_bytes_max = 64u << 20;

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
