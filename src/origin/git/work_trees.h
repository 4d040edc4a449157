#pragma once

#include <optional>
#include <vector>

#include "system/file.h"

namespace perdure::origin {

/// Whether the folder holds a repository's own files: a bare one, or .git.
bool is_repository(system::Path const& path);

/// Work trees of the repository at `path` (bare, or the folder with .git) that lie elsewhere:
/// linked ones (`git worktree`), the one that core.worktree names (submodules), and for a folder
/// .git the one around it. What is not committed there is no part of a source with that path. Only
/// those that are there now. Reads the repository's own files and runs nothing; empty for what is
/// no repository.
std::vector<system::Path> work_trees_outside(system::Path const& path);

/// The repository's folder that the .git file in a work tree points to; empty: there is none.
std::optional<system::Path> repository_of_work_tree(system::Path const& tree);

}  // namespace perdure::origin
