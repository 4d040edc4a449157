#pragma once

#include <vector>

#include "repository/snapshot.h"

namespace perdure::service {

/// When the snapshots were first received, in the order of `all`. Copying or repairing a repository
/// stamps its objects anew; then what the next snapshot recorded of its parent counts, and for one
/// that nobody followed its writer's claim. Never later than the store says, and never earlier than
/// the writer says that it was finished: nobody can age the snapshots of another.
std::vector<Timestamp> first_receipts(std::vector<repository::Snapshot> const& all);

}  // namespace perdure::service
