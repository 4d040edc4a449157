#pragma once

#include "repository/keyring/entries.h"
#include "repository/keyring/slot.h"

namespace perdure::repository {

using Salt32 = Opaque<32, struct Salt32Tag>;

inline constexpr std::size_t manifest_bytes_max = 4 * 1024 * 1024;
inline constexpr std::size_t shards_max = 16384;  // 67 million subjects
inline constexpr std::size_t inboxes_max = 8;
inline constexpr std::size_t erasing_max = 65536;
inline constexpr std::size_t optional_bytes_max = 65536;
inline constexpr std::size_t addition_bytes_max = shard_bytes_max + 512 * 1024;

/// A pair that additions are sealed to; two of them while an erasure waits for running sessions.
struct Inbox {
    std::uint64_t epoch = 0;  ///< the first epoch with this inbox; additions name it
    crypto::SealPair pair;
};

struct ShardRef {
    crypto::Digest name;  ///< SHA-256 of the shard's bytes
    crypto::Secret32 key;
};

/// The sealed part of a manifest.
struct ManifestBody {
    crypto::Secret32 authenticity;  ///< as in every slot; only its holders can make a manifest
    Entry common;                   ///< its token is unused
    crypto::Secret32 lookup;
    crypto::Secret32 chunk;
    crypto::Digest ledger_head;
    std::vector<Inbox> inboxes;  ///< newest first, never empty
    std::vector<Writer> writers;
    std::vector<ShardRef> shards;
    std::vector<Token> erasing;  ///< stragglers of these people are still to be erased

    void encode(Encoder& out) const;
    static Result<ManifestBody> decode(Decoder& in);
};

/// keyring/m/<epoch>: docs/FORMAT.md "Keyring: manifest".
struct Manifest {
    RepositoryId repository;
    std::uint64_t epoch = 0;
    crypto::Digest config_hash;
    crypto::Digest previous;    ///< SHA-256 of the manifest this one replaces; zero for the first
    std::uint8_t key_mode = 0;  ///< 0: every key holder reads and writes; others are reserved
    Timestamp created;
    Salt32 salt;
    std::vector<Slot> slots;
    Bytes optional;  ///< fields of later versions, kept as they are

    /// The part anyone can read, which the seal covers. Fails: corrupt, unsupported.
    static Result<Manifest> decode_header(Decoder& in);
    void encode_header(Encoder& out) const;
};

struct OpenedManifest {
    Manifest header;
    ManifestBody body;
    crypto::Digest hash;  ///< SHA-256 of its bytes
};

/// Draws a fresh root and salt, seals the root to each slot and the body under the root.
Bytes seal_manifest(Manifest manifest, ManifestBody const& body, system::Random& random);
/// Reads the slots alone, to find out who may open it. Fails: corrupt, unsupported.
Result<Manifest> read_manifest_header(ByteView bytes);
/// Fails: denied code 12 (the opener's slot was removed); corrupt code 14 (anything else).
Result<OpenedManifest> open_manifest(ByteView bytes, Opener const& opener);

/// keyring/s/<hash>: entries and tombstones under the key that the manifest holds.
Bytes seal_shard(EntrySet const& set, RepositoryId const& repository, crypto::Secret32 const& key,
                 system::Random& random);
/// Fails: corrupt code 14, also when the bytes do not have the name of `ref`.
Result<EntrySet> open_shard(ByteView bytes, RepositoryId const& repository, ShardRef const& ref);

/// keyring/a/<session>-<n>: what a session made, sealed to the inbox.
struct Addition {
    SessionId session;
    std::uint32_t number = 0;
    std::uint64_t inbox_epoch = 0;
    EntrySet set;
    std::vector<Writer> writers;
};
Bytes seal_addition(Addition const& addition, RepositoryId const& repository,
                    ManifestBody const& body);
/// The inbox an addition was sealed to, readable by anyone. Fails: corrupt, unsupported.
Result<std::uint64_t> addition_epoch(ByteView bytes);
/// Fails: denied (sealed to an inbox that `body` does not hold), corrupt code 14.
Result<Addition> open_addition(ByteView bytes, RepositoryId const& repository,
                               ManifestBody const& body);

/// A shard's or manifest's place in a store.
std::string manifest_name(std::uint64_t epoch);
std::string shard_name(crypto::Digest const& hash);
std::string addition_name(SessionId const& session, std::uint32_t number);

}  // namespace perdure::repository
