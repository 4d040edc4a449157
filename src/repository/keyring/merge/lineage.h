#pragma once

#include <optional>
#include <vector>

#include "repository/keyring/manifest.h"
#include "store/object_store.h"

namespace perdure::repository {

/// The first eight bytes of the SHA-256 of a manifest, as a little-endian number.
using Ancestor = std::uint64_t;
inline constexpr std::size_t ancestors_max = 512;
Ancestor ancestor_of(crypto::Digest const& manifest_hash);

/// The manifests that one comes after, newest first: a field among the optional ones of its header
/// (docs/FORMAT.md "Keyring"). Empty when there is none, or none that can be read.
std::vector<Ancestor> read_ancestors(ByteView optional);
/// The optional fields with these ancestors in place of those that were there; all but the newest
/// ancestors_max are left out. What is no sequence of fields is kept as it is, without ancestors.
Bytes with_ancestors(ByteView optional, std::vector<Ancestor> const& ancestors);

/// What a manifest says of itself to anyone.
struct KeyringHead {
    std::uint64_t epoch = 0;
    crypto::Digest hash;
    crypto::Digest previous;
    std::vector<Ancestor> ancestors;
};
KeyringHead head_of(Manifest const& header, crypto::Digest const& hash);

/// Whether `young` is `old`, or was made from it by changes. A manifest without ancestors was
/// written by an early program: it is believed to come after every lower epoch.
bool descends(KeyringHead const& young, KeyringHead const& old);

/// Indices of those heads that no other one comes after, the first of equal ones alone: one of
/// them is the rule, more are a fork.
std::vector<std::size_t> newest_of(std::vector<KeyringHead> const& heads);

/// How the keyrings at several homes stand to each other, by what lies there in the clear: needs
/// no key, and proves nothing against somebody who can write there.
struct Lineage {
    /// By index of the home; empty: no manifest there can be read, or the home does not answer.
    std::vector<std::optional<KeyringHead>> heads;
    bool forked = false;  ///< two of them were changed apart from each other
    /// Homes (by index) that missed a change and hold additions which no newest keyring is known
    /// to have folded: their own manifests alone may open them.
    std::vector<std::size_t> unfolded;

    bool is_one() const { return !forked && unfolded.empty(); }
};
/// Fails: cancelled.
Result<Lineage> lineage_of(std::vector<store::ObjectStore*> const& homes, std::stop_token stop);

}  // namespace perdure::repository
