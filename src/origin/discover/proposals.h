#pragma once

#include "origin/discover/inventory.h"

namespace perdure::origin {

/// Fills inventory.proposed so that every file found is in exactly one source, and adds to
/// not_covered what cannot be.
void propose(Inventory& inventory);

}  // namespace perdure::origin
