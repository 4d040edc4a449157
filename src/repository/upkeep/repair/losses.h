#pragma once

#include <functional>
#include <set>

#include "repository/index/index_tables.h"
#include "repository/repository.h"
#include "repository/upkeep/repair/repair.h"

namespace perdure::repository {

/// What a walk over a damaged tree meets. All may be empty.
struct ReadableVisitor {
    std::function<void(BlobId const&)> blob;  ///< everything that is named
    std::function<void(std::string const& path, BlobList const&)> content;
    /// A folder that cannot be entered: it and all below are lost.
    std::function<void(std::string const& path, std::string const& reason)> gap;
};

/// Walks as much of a stored tree as can be read, past everything that cannot.
/// Fails: cancelled; unavailable.
Result<void> walk_readable(SourceSnapshot const& source, ReadContext& context,
                           ReadableVisitor const& visitor, std::stop_token stop);

/// Names what of a snapshot cannot be restored, path by path, without reading content: every file
/// or folder that rests on one of the `lost` blobs (of rows: what reading them complains of).
/// Fails: cancelled; unavailable.
Result<void> name_losses(Snapshot const& snapshot, std::set<BlobPrefix> const& lost,
                         ReadContext& context, RepairReport& report, std::stop_token stop);

}  // namespace perdure::repository
