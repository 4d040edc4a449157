#pragma once

#include <map>
#include <set>

#include "repository/index/index.h"
#include "repository/upkeep/collect/live_set.h"
#include "repository/upkeep/finding.h"

namespace perdure::repository {

struct SweepRequest {
    store::ObjectStore& store;
    Index& index;  ///< avoids all condemned packs
    LiveSet const& live;
    std::set<crypto::Digest> const& condemned;    ///< everything ever condemned
    std::vector<PackName> const& packs;           ///< to delete: condemned, old enough, unused
    std::vector<std::set<PackName>> const& told;  ///< by leg: as packs_condemned_by_leg() had it
    bool dry_run = false;
};

struct Swept {
    std::set<crypto::Digest> deleted;  ///< from every leg that holds what is needed of them
    std::uint64_t bytes_freed = 0;
    std::vector<Finding> kept_because;
};

/// Deletes packs, each only where a copy of everything live in it is proven, by reading it, to lie
/// on the same leg in a pack that nobody condemned, and from a leg only what its own newest
/// collection condemned before the living sessions were looked for: who writes there alone learns
/// from nowhere else what not to build on (tests/simulation, seeds 106801 and 136711).
Result<Swept> sweep(SweepRequest const& request, std::stop_token stop);

}  // namespace perdure::repository
