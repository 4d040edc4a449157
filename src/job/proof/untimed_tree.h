#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "data/stream.h"
#include "origin/origin.h"

namespace perdure::job {

/// The folders of a tree whose times say nothing: opening a database makes files beside it and
/// takes them away again, ours too (a -wal and a -shm, where nobody else has it open).
struct UntimedFolders {
    std::map<std::string, std::string> databases;  ///< by folder below the root: such a file
    bool empty() const { return databases.empty(); }
};
/// Of the tree at `root`: those that directly hold the database of a source, and that were touched
/// since then.
UntimedFolders folders_of_databases(system::Path const& root,
                                    std::map<std::string, origin::SourceOptions> const& sources,
                                    Timestamp since);

/// The same tree, those folders without their times. `folders` must outlive it.
std::unique_ptr<data::TreeReader> without_times(std::unique_ptr<data::TreeReader> reader,
                                                UntimedFolders const& folders);

}  // namespace perdure::job
