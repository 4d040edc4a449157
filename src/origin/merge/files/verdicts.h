#pragma once

#include <array>

#include "origin/merge/files/tree_merge.h"

namespace perdure::origin {

void count(FileItem const& item, FileSummary& summary);

/// Adds one item to a hash in which their order counts for nothing.
void add_to_state(FileItem const& item, std::array<std::uint64_t, 4>& state);

/// What becomes of an item by the person's own word, or by the plan's where there is none.
/// Fails: invalid, code 2, for an override that does not fit.
Result<data::Decision> wished(FileItem const& item, TreeMergeRequest const& request);

}  // namespace perdure::origin
