#pragma once

#include <memory>

#include "data/stream.h"
#include "origin/files/walk.h"

namespace perdure::origin {

/// A Walk on a thread of its own, some thousand items ahead of the reader.
Result<std::unique_ptr<data::TreeReader>> read_tree(WalkOptions options);

}  // namespace perdure::origin
