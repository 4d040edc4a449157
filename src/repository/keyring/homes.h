#pragma once

#include <map>
#include <set>

#include "repository/keyring/loaded.h"

namespace perdure::repository {

/// Where this machine remembers the newest state of a keyring; empty without a cache folder.
system::Path pin_file_of(system::Path const& cache_folder, RepositoryId const& repository);

/// The keyring of the repository whose config object lies in `store`, as it rests at `homes`,
/// places of that store. Fails: as the store; corrupt.
Result<KeyringPlace> keyring_place(std::shared_ptr<store::ObjectStore> const& store,
                                   std::vector<store::ObjectStore*> const& homes,
                                   system::Path const& cache_folder, std::stop_token stop);

struct HomeWork {
    KeyringPlace const& place;
    LoadKey& key;
    Loaded const& current;
    store::ObjectStore& home;
};

/// Brings a home up to the current epoch: what it misses of additions, shards and manifest, copied
/// from the others, then opened there.
/// Fails: unavailable; corrupt (it cannot be opened there); conflict (it holds another manifest of
/// this epoch, or a newer one).
Result<void> bring_home_up(HomeWork const& work, std::stop_token stop);

/// The names among `additions` whose whole content is in the shards or the manifest of `current`.
std::set<store::ObjectName> folded_into(
    Loaded const& current, std::map<store::ObjectName, FoundAddition> const& additions);

/// Destroys what the current epoch replaced, on one home. The home must hold the current epoch and
/// must just have opened it. Fails: as the store.
Result<void> delete_replaced(HomeWork const& work, std::stop_token stop);

/// Whether one place (a leg of a home) holds the epoch and nothing that an older one opens with.
/// Fails: conflict (it missed the change); as the store.
Result<void> check_replaced(store::ObjectStore& place, std::uint64_t epoch, std::stop_token stop);

}  // namespace perdure::repository
