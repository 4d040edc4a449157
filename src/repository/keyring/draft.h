#pragma once

#include "repository/keyring/loaded.h"

namespace perdure::repository {

/// What a change wants of the next epoch.
struct EpochPlan {
    std::vector<Token> people;    ///< to erase, by all their handles
    std::vector<Handle> handles;  ///< to erase, with the people they belong to
    std::optional<Slot> add;
    std::optional<SlotId> remove;
    bool fresh_inbox = false;
    bool fresh_shard_keys = false;
    /// Drop all inboxes but this one (named by its epoch) and forget whom we are erasing.
    std::optional<std::uint64_t> final_inbox;
    std::optional<crypto::Digest> ledger_head;
    /// Keyrings of the same repository that went another way: folded in. What either side erased
    /// stays erased, with what the other side made for the same person meanwhile; only slots that
    /// all of them have are kept.
    std::vector<LoadedPtr> join;
    /// Older states of this keyring at homes that missed its changes: what sessions added there is
    /// folded in, and slots stay as they are here.
    std::vector<LoadedPtr> fold;
};

struct DraftObject {
    store::ObjectName name;
    Bytes bytes;
};

/// The next epoch, ready to be put: shards first, then the manifest.
struct Draft {
    std::uint64_t epoch = 0;
    std::vector<DraftObject> shards;
    Bytes manifest;
    std::vector<Handle> erased;  ///< handles that this draft turns into tombstones
};

/// Folds every readable addition into shards and applies the plan.
/// Fails: not_found (nobody to erase, no such slot), invalid (the last slot), exhausted (limits),
/// conflict (final_inbox is not the newest any more).
Result<Draft> make_draft(Loaded const& base, EpochPlan const& plan, Outside outside);

}  // namespace perdure::repository
