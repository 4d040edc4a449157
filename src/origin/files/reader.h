#pragma once

#include <memory>

#include "data/stream.h"
#include "origin/files/walk.h"

namespace perdure::origin {

/// A Walk some thousand items ahead of the reader. One thread lists folders, another completes the
/// leaves, and the reader's own thread completes what it would otherwise wait for.
Result<std::unique_ptr<data::TreeReader>> read_tree(WalkOptions options);

}  // namespace perdure::origin
