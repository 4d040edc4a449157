#pragma once

#include <memory>

#include "data/stream.h"
#include "origin/origin.h"

namespace perdure::origin {

/// Puts a tree back beneath options.folder (made when missing). See target.cpp for what it
/// promises. Fails: conflict (the folder is a link); invalid, denied, exhausted (it cannot be made
/// or opened).
Result<std::unique_ptr<data::TreeTarget>> open_files_target(TargetOptions const& options);

/// What is said where a link stands in the place of a target's folder.
Error refuse_link(system::Path const& folder);

}  // namespace perdure::origin
