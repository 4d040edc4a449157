#pragma once

#include <set>

#include "repository/index/index.h"
#include "repository/upkeep/repair/heal_objects.h"

namespace perdure::repository {

struct PackHealRequest {
    HealRequest heal;
    Index const& index;   ///< for the lengths of bodies
    bool parity = false;  ///< packs bear a suffix
    unsigned threads = 2;
    UpkeepProgress const& progress;
};

/// Reads every pack of a leg and mends it by parity, else from another leg. `beyond` gets the packs
/// that neither could mend.
Result<void> heal_packs(PackHealRequest const& request, RepairReport& report,
                        std::set<PackName>& beyond, std::stop_token stop);

}  // namespace perdure::repository
