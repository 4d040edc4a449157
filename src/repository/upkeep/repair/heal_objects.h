#pragma once

#include "repository/pins.h"
#include "repository/upkeep/repair/repair.h"
#include "store/object_store.h"

namespace perdure::repository {

struct HealRequest {
    store::ObjectStore& leg;                       ///< where to mend
    std::vector<store::ObjectStore*> const& legs;  ///< where else to look, `leg` among them
    bool dry_run = false;
    /// Manifests and records of collections below these were replaced: only a tombstone is missing
    /// where one of them is damaged beyond repair.
    std::uint64_t epoch = 0, collection = 0;
};

/// What the three below could not mend is in `report.left`. Fail: cancelled; unavailable (the leg
/// answers nothing any more); what putting into it fails with. Threads: one a leg.

/// Mends every object of `leg` that is stored as three copies: from its own copies, else from the
/// same object on another leg.
Result<void> heal_triples(HealRequest const& request, RepairReport& report, std::stop_token stop);

/// Mends index segments from other legs, by their hash. `left` gets those that nobody has whole.
Result<void> heal_index(HealRequest const& request, RepairReport& report,
                        std::vector<store::ObjectName>& left, std::stop_token stop);

/// Mends pins, whose objects hold no copies, from other legs. One that nobody has whole pins all
/// the same, by its name: only its reason is lost.
Result<void> heal_pins(HealRequest const& request, PinSeal const& seal, RepairReport& report,
                       std::stop_token stop);

/// Whether what is damaged stands for something that was destroyed on purpose: no other object has
/// a tombstone's size, and a fence is nothing else. Nothing that lives elsewhere may take its
/// place.
bool was_tombstone(store::ObjectName const& name, ByteView damaged);
/// The form of tombstones that is not kept three times, hence proves itself whole.
bool is_bare_tombstone(ByteView object);

/// Whether the name of an index segment is proven by its bytes.
bool is_whole_segment(store::ObjectName const& name, ByteView object);

}  // namespace perdure::repository
