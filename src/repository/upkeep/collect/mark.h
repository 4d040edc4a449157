#pragma once

#include <set>

#include "repository/index/index.h"
#include "repository/repository.h"
#include "repository/upkeep/collect/live_set.h"
#include "repository/upkeep/finding.h"

namespace perdure::repository {

struct MarkPlace {
    Repository& repository;
    std::shared_ptr<Index> index;  ///< freshly opened
    BlobReader& blobs;             ///< over that index
    UpkeepProgress const& progress;
};

struct Marks {
    LiveSet live;
    std::uint64_t snapshots = 0;
    std::uint64_t missing = 0;  ///< needed, but in no listed pack
    std::string missing_example;
};

/// What any snapshot needs. People's keys are not needed; blobs of erased people are left out.
/// Fails: corrupt PD-0014 (a snapshot cannot be read, or names an unknown handle); unavailable (the
/// listing lacks one of `must_appear`, which was found by name).
Result<Marks> mark_live(MarkPlace const& place, std::set<SessionId> const& must_appear,
                        std::stop_token stop);

}  // namespace perdure::repository
