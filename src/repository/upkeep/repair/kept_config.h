#pragma once

#include "repository/upkeep/repair/repair.h"

namespace perdure::repository {

/// Remembers how the config of a repository reads, in the cache folder of this machine: it is
/// small, has no secret, never changes, and nothing opens without it. Of no matter when it fails.
void keep_config(system::Path const& cache_folder, RepositoryId const& repository, ByteView body);

/// Where the config is lost or damaged beyond its copies and the keyring is there: puts back the
/// one that this machine remembers, when its hash is the one that the newest manifest names. Empty:
/// nothing was wrong, or nobody knows it. Fails: as ObjectStore::put.
Result<std::optional<Mended>> put_back_config(store::ObjectStore& store,
                                              system::Path const& cache_folder, bool dry_run,
                                              std::stop_token stop);

}  // namespace perdure::repository
