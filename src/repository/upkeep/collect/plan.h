#pragma once

#include <set>

#include "repository/index/index.h"
#include "repository/upkeep/collect/live_set.h"

namespace perdure::repository {

struct PackUse {
    PackName name;
    std::uint64_t bytes_total = 0;  ///< plaintext of the blobs it holds
    std::uint64_t bytes_kept = 0;   ///< of those that this pack has to keep
    bool needed = false;            ///< it has to keep something, be it an empty blob
};

struct PlanRequest {
    Index const& index;
    LiveSet& live;                              ///< its marks are used up
    std::set<crypto::Digest> const& condemned;  ///< copies there do not count
    std::set<PackName> const& candidates;       ///< packs of ended sessions, not condemned
    double live_fraction_min = 0.5;
    std::uint64_t rewrite_bytes_max = 0;
};

struct Plan {
    std::vector<PackName> dead;    ///< hold nothing that is needed there
    std::vector<PackUse> sparse;   ///< to be rewritten, the emptiest first
    std::vector<PackName> rescue;  ///< condemned, yet hold the only copy of something
    std::uint64_t blobs_live = 0, blobs_dead = 0, bytes_live = 0, bytes_dead = 0;
};

/// Judges every candidate. Of a blob's copies the one in the pack of the lowest name counts, in it
/// the first: every collector comes to the same verdict (rustic #392: a pack that held a blob twice
/// was pruned as if the other copy were elsewhere).
Plan make_plan(PlanRequest const& request);

/// The id with nothing behind its prefix: enough for Index::find.
BlobId id_of(BlobPrefix const& prefix);

}  // namespace perdure::repository
