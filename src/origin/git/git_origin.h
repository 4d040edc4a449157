#pragma once

#include "origin/origin.h"

namespace perdure::origin {

/// A git repository, bare or with its work tree, as files. What a backup holds is consistent
/// although others push, pack and collect meanwhile; see git_reader.cpp.
Result<std::unique_ptr<Origin>> open_git(SourceOptions const& options);

}  // namespace perdure::origin
