#pragma once

#include "repository/keyring/keyring.h"

namespace perdure::repository {

/// What became of keyrings that had gone different ways.
struct MergeReport {
    bool forked = false;             ///< false: they were one already
    bool folded = false;             ///< some only lagged behind; what they held is folded in
    std::uint64_t epoch = 0;         ///< of the joined keyring
    std::uint64_t people = 0;        ///< handles that live in it
    std::uint64_t joined = 0;        ///< of those, that the authority did not know
    std::uint64_t erased = 0;        ///< handles that one side erased and another still had
    std::vector<SlotInfo> left_out;  ///< keys that only some sides had: add them again
    ChangeReport change;
};

struct MergeRequest {
    KeyringPlace const& place;  ///< the first home is the authority
    KeySecret const& secret;
    Outside outside;
    bool dry_run = false;  ///< look and tell, change nothing
};

/// Joins key homes that were changed apart from each other (two destinations, each of which missed
/// what was done at the other): one new epoch above all of theirs, put at the first home and copied
/// to the rest. Nothing chooses this by itself: which side is right about a removed key is for a
/// person to say, so keys that not all sides have are left out and named.
/// A home that merely missed changes is no side of a fork: the newest keyring takes in what
/// sessions added there since, and keeps its own keys.
/// Sessions that run at one of the sides are given up: they end with a conflict and begin anew.
/// Safe to repeat; a crash leaves homes that can be merged again.
/// Fails: denied code 12 (the secret does not open every side); corrupt code 14 (a damaged
/// manifest: repair first); conflict (somebody changes a keyring now); and as the store.
Result<MergeReport> merge_keyrings(MergeRequest const& request, ChangeOptions const& options,
                                   std::stop_token stop);

/// The same for the key homes among the destinations of a repository.
/// Fails: unavailable (a destination is away: what it holds has to be joined too).
struct MergeDestinations {
    std::shared_ptr<store::ObjectStore> store;
    KeySecret const& secret;
    system::Path cache_folder;  ///< as OpenOptions::cache_folder
    Outside outside;
    bool dry_run = false;
};
Result<MergeReport> merge_destinations(MergeDestinations const& request, std::stop_token stop);

/// What a synchronisation needs before objects of the keyring travel: the newest keyring takes in
/// what sessions added at key homes, or at former ones, that missed a change of keys. Destinations
/// that are away wait for the next time. Does nothing to a fork, and nothing where nothing is to be
/// folded. Fails: as merge_keyrings; conflict code 11 (a backup is running that knows old keys).
Result<MergeReport> fold_lagging_homes(MergeDestinations const& request, std::stop_token stop);
/// Whether that would have anything to do. Needs no key. Fails: cancelled.
Result<bool> homes_are_to_be_folded(store::ObjectStore& store, std::stop_token stop);

}  // namespace perdure::repository
