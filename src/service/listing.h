#pragma once

#include <optional>

#include "data/entry.h"
#include "service/workspace.h"

namespace perdure::service {

/// What a snapshot holds of one source, for people.
struct SourceContents {
    struct Line {
        std::string name;         ///< table, or path below the source
        std::uint64_t count = 0;  ///< rows, or bytes
        /// Of a tree's entry; empty for a table.
        std::optional<data::EntryKind> kind;
        std::string remark;
    };
    std::string name, type, location;
    bool rows = false;
    std::vector<Line> lines;
    std::uint64_t left_out = 0;  ///< lines beyond the limit
};

/// Tables with their row counts; of trees the top level, or everything with `all`. At most 100,000
/// lines a source.
Result<std::vector<SourceContents>> list_contents(Workspace& workspace,
                                                  repository::Snapshot const& snapshot, bool all);

}  // namespace perdure::service
