#pragma once

#include "data/stream.h"
#include "origin/files/walk.h"

namespace perdure::origin {

/// The repository's own folder below the source's path: "" (bare) or ".git".
/// Fails: invalid, unless HEAD, objects/ and refs/ are there.
Result<std::string> find_git_folder(system::Path const& path);

/// Fails: not_found, denied, invalid.
Result<std::unique_ptr<data::TreeReader>> read_git(WalkOptions options);

}  // namespace perdure::origin
