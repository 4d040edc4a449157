#pragma once

#include <map>
#include <optional>
#include <stop_token>
#include <unordered_map>

#include "repository/keyring/manifest.h"

namespace perdure::repository {

/// An addition found in a home.
struct FoundAddition {
    std::uint64_t inbox_epoch = 0;
    EntrySetPtr set;  ///< null: damaged, or sealed to an inbox that is gone
    bool damaged = false;
    std::vector<Writer> writers;
};

/// A keyring as it was read at one moment: manifest, shards, additions and what follows from them.
/// Immutable once built. Threads: any.
class Loaded {
public:
    OpenedManifest manifest;
    std::vector<EntrySetPtr> shards;  ///< in the order of manifest.body.shards
    std::map<store::ObjectName, FoundAddition> additions;
    /// The highest number of a manifest seen, tombstones and unreadable ones included.
    std::uint64_t epoch_seen = 0;
    /// A manifest above this one exists that does not open: read on, but change nothing.
    bool damaged_above = false;

    std::uint64_t epoch() const { return manifest.header.epoch; }
    ManifestBody const& body() const { return manifest.body; }
    /// Builds the look-ups below; called once, last.
    void index();

    Entry const* find(Handle const& handle) const;
    Tombstone const* tombstone(Handle const& handle) const;
    /// Live entries of a person, lowest handle first.
    std::vector<Entry const*> find(Token const& token) const;
    std::size_t live() const { return live_.size(); }
    std::unordered_map<Handle, Entry const*, OpaqueHash> const& entries() const { return live_; }
    std::unordered_map<Handle, Tombstone const*, OpaqueHash> const& tombstones() const {
        return dead_;
    }
    /// All writers, those of additions included.
    std::vector<Writer> const& writers() const { return writers_; }

private:
    std::unordered_map<Handle, Entry const*, OpaqueHash> live_;
    std::unordered_map<Handle, Tombstone const*, OpaqueHash> dead_;
    std::unordered_multimap<Token, Entry const*, OpaqueHash> tokens_;
    std::vector<Writer> writers_;
};
using LoadedPtr = std::shared_ptr<Loaded const>;

/// Either of them opens a keyring: a secret the first time, its opener afterwards.
struct LoadKey {
    KeySecret const* secret = nullptr;
    std::optional<Opener> opener;
};

struct LoadRequest {
    KeyringPlace const& place;
    LoadKey& key;                   ///< its opener is set by a success
    LoadedPtr before;               ///< shards and additions read already are taken from it
    std::uint64_t epoch_least = 1;  ///< probe from here at least, should the listing be stale
    std::vector<SessionId> known_sessions{};  ///< their additions are asked for by name
};

/// Reads the highest manifest that opens over all reachable homes.
/// Fails: as Keyring::open.
Result<LoadedPtr> load_keyring(LoadRequest const& request, std::stop_token stop);

/// A manifest of one home: its body, or that it is gone. Fails: not_found; corrupt; as the store.
struct StoredManifest {
    Bytes bytes;
    bool tombstone = false;
    bool damaged_copy = false;
};
Result<StoredManifest> read_manifest(store::ObjectStore& home, std::uint64_t epoch,
                                     std::stop_token stop);
/// The epochs that a home lists, in order.
struct ListedEpoch {
    std::uint64_t epoch = 0;
    bool tombstone = false;
};
Result<std::vector<ListedEpoch>> list_epochs(store::ObjectStore& home, std::stop_token stop);

}  // namespace perdure::repository
