#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/codec.h"
#include "crypto/sign.h"
#include "repository/domain.h"
#include "repository/keyring/slot.h"

namespace perdure::repository {

/// HMAC(K_lookup, varint length of source ‖ source ‖ subject key): lives in an entry and dies with
/// it, so that afterwards nothing links a person to a handle.
using Token = Opaque<32, struct TokenTag>;

/// A field that this version reserves: whoever comes back after their erasure is somebody new, with
/// a handle of their own, so nothing ever makes a second generation. Readers refuse another value.
inline constexpr std::uint32_t generation_only = 1;
/// Fails: unsupported.
Result<void> check_generation(std::uint32_t generation);

/// The secret of one domain.
struct Entry {
    Handle handle;
    std::uint32_t generation = generation_only;
    crypto::Secret32 secret;
    Token token;
};

/// An erased handle. Wins over any entry of the same handle, for ever.
struct Tombstone {
    Handle handle;
    std::uint64_t epoch = 0;     ///< the first epoch without the key
    std::int64_t erased_at = 0;  ///< seconds since 1970
};

/// What a shard or an addition holds, each list sorted by handle without duplicates.
struct EntrySet {
    std::vector<Entry> entries;
    std::vector<Tombstone> tombstones;

    std::size_t size() const { return entries.size() + tombstones.size(); }
    void sort();
    /// Fails: corrupt, on unsorted or duplicate handles or more than shard_entries_max.
    static Result<EntrySet> decode(Decoder& in);
    void encode(Encoder& out) const;
};
using EntrySetPtr = std::shared_ptr<EntrySet const>;

/// One who signs snapshots.
struct Writer {
    std::string label;
    crypto::SignPair pair;

    void encode(Encoder& out) const;
    static Result<Writer> decode(Decoder& in);
};
Result<std::vector<Writer>> decode_writers(Decoder& in);
void encode_writers(Encoder& out, std::vector<Writer> const& writers);

inline constexpr std::size_t shard_entries_max = 4096;
inline constexpr std::size_t writers_max = 4096;
/// Entries are 84 bytes, tombstones 32; 1 KiB for what surrounds them.
inline constexpr std::size_t shard_bytes_max = shard_entries_max * 84 + 1024;

/// Reads into a secret without leaving a copy behind.
Result<crypto::Secret32> decode_secret(Decoder& in);

}  // namespace perdure::repository
