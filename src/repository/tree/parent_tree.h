#pragma once

#include <vector>

#include "repository/tree/record.h"

namespace perdure::repository {

/// The tree of the previous snapshot, walked in step with the one that is being written.
/// It is an optimisation only: whatever of it cannot be read counts as absent, so that a damaged
/// parent never stops a backup (verify tells about the damage).
/// Memory: one blob a level.
class ParentTree {
public:
    /// `source` may be null: nothing is found then.
    ParentTree(SourceSnapshot const* source, BlobReader& blobs, DomainPtr domain,
               std::stop_token stop);
    /// The record of a name in the current folder, null when there was none. Names must ascend
    /// within a folder. The view lives until the next call.
    RecordView const* find(std::string_view name);
    /// Goes down into a folder of the current one ("" first: the root).
    void enter(std::string_view name);
    void leave();

private:
    struct Level {
        std::optional<FolderCursor> cursor;
        std::optional<RecordView> record;
    };
    void advance(Level& level);

    BlobReader& blobs_;
    DomainPtr domain_;
    std::stop_token stop_;
    std::optional<BlobList> root_;
    std::vector<Level> levels_;
};

}  // namespace perdure::repository
