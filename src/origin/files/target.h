#pragma once

#include <memory>

#include "data/stream.h"
#include "origin/origin.h"

namespace perdure::origin {

/// Puts a tree back beneath options.folder (made when missing). See target.cpp for what it
/// promises. Fails: invalid, denied, exhausted (the folder cannot be made or opened).
Result<std::unique_ptr<data::TreeTarget>> open_files_target(TargetOptions const& options);

}  // namespace perdure::origin
