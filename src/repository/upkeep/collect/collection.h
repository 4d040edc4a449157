#pragma once

#include <optional>
#include <set>
#include <vector>

#include "repository/pack/pack.h"

namespace perdure::repository {

/// A pack that will be, or was, deleted. Once condemned it never counts as holding anything again:
/// what is needed of it is stored anew elsewhere. So no two collectors can each rely on the copy
/// that the other deletes.
struct CondemnedPack {
    PackName name;
    std::uint64_t since = 0;  ///< number of the collection that condemned it
    Timestamp when;           ///< by the store's clock
};

/// What `collect/<number>` says: every pack condemned in the last 400 days, deleted ones included.
/// Immutable; the chain grows by put-if-absent, so exactly one collector takes each next step.
/// docs/FORMAT.md §collection.
struct CollectionRecord {
    std::uint64_t number = 0;
    std::vector<CondemnedPack> packs;  ///< ascending by name
    Bytes encode() const;
    /// Fails: corrupt; unsupported; exhausted.
    static Result<CollectionRecord> decode(ByteView bytes);
};

inline constexpr std::uint64_t condemned_packs_max = 1 << 20;
store::ObjectName collection_name(std::uint64_t number);

struct NewestCollection {
    std::uint64_t seen = 0;   ///< highest number listed; 0: there was no collection yet
    CollectionRecord record;  ///< the highest that could be read; number 0: none
};
Result<NewestCollection> newest_collection(store::ObjectStore& store, std::stop_token stop);
/// What each leg's own newest collection condemns, in the order of legs(); nothing for one that
/// does not answer.
Result<std::vector<std::set<PackName>>> packs_condemned_by_leg(store::ObjectStore& store,
                                                               std::stop_token stop);

/// What the destinations of a store condemned, each in a chain of its own: one that was away while
/// the others collected, or collected by itself, has another newest record than they have.
struct JoinedCollection {
    std::uint64_t seen =
        0;  ///< highest number listed anywhere: the next record is above all chains
    /// A session that avoids all of `packs` may say that it avoids this number: on every
    /// destination it avoids what was condemned up to it. 0 when a destination did not answer.
    std::uint64_t avoided = 0;
    /// Every pack that some destination condemned. What not all of them condemned alike counts as
    /// condemned by the next record (which sessions knew of it is not known), at the earliest time.
    std::vector<CondemnedPack> packs;  ///< ascending by name
    bool differs = false;              ///< not all destinations have the same newest record
    store::ObjectName unreadable;      ///< a newest record that cannot be read; empty: none
    std::optional<Error> silent;       ///< of a destination that did not answer
};
/// Over store.legs(). Fails: when no destination answers.
Result<JoinedCollection> joined_collection(store::ObjectStore& store, std::stop_token stop);

/// Puts the next record and proves that it is the newest.
/// Fails: conflict (another collector was first).
Result<void> put_collection(store::ObjectStore& store, CollectionRecord const& record,
                            std::stop_token stop);

}  // namespace perdure::repository
