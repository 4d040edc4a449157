#pragma once

#include <functional>
#include <stop_token>

#include "store/object_store.h"

namespace perdure::repository {

/// Objects that are few and precious (config, keyring, snapshots) hold their body three times:
/// docs/FORMAT.md "Constructions: three copies". A reader takes the first copy whose checksum fits,
/// else the bytewise majority of the three: single flips and bursts inside one copy heal.
/// A body above triple_body_bytes_max (keys of hundreds of people) is held once, with the parity
/// suffix of packs: keys are then as safe from bad sectors as the data that they open.
Bytes make_triple(ByteView body);
inline constexpr std::size_t triple_body_bytes_max = 32u << 10;

struct Untripled {
    Bytes body;
    bool damaged = false;  ///< some of the object's bytes are bad: write it again
};
/// Reads either form. Fails: corrupt, when the body cannot be had; exhausted, when it exceeds
/// body_bytes_max.
Result<Untripled> read_triple(ByteView object, std::uint64_t body_bytes_max);

/// Puts `body` in three copies. Fails as ObjectStore::put.
Result<void> put_triple(store::ObjectStore& store, store::ObjectName const& name, ByteView body,
                        store::PutMode mode, std::stop_token stop);
/// Reads and heals. Fails as ObjectStore::read and read_triple.
Result<Untripled> get_triple(store::ObjectStore& store, store::ObjectName const& name,
                             std::uint64_t body_bytes_max, std::stop_token stop);

/// What is damaged at one place may be whole at the next: hands what each of several places behind
/// the store holds under the name to `take`, until it succeeds. False: nowhere, or there is but
/// one.
bool read_elsewhere(store::ObjectStore& store, store::ObjectName const& name,
                    std::uint64_t object_bytes_max,
                    std::function<Result<void>(Bytes object)> const& take, std::stop_token stop);

/// A deleted immutable object is overwritten with this small body and kept for a year, so that a
/// delayed retry of its PUT finds the name taken and cannot bring it back.
Bytes tombstone_body(Timestamp when);
/// Whether this is a tombstone: its body, or the whole object of three copies.
bool is_tombstone(ByteView body);
/// Size of a tombstone as an object of three copies; no other object is so small, so a listing
/// tells tombstones apart without reading them.
inline constexpr std::uint64_t tombstone_object_bytes = 156;

}  // namespace perdure::repository
