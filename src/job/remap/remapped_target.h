#pragma once

#include <memory>
#include <set>

#include "data/stream.h"
#include "job/remap/owner_map.h"
#include "job/remap/path_map.h"

namespace perdure::job {

struct Remap {
    OwnerMap owners;
    PathMap paths;
};

/// A target that puts everything under the names and owners that the rules say. Folders that a rule
/// invents are made with mode 0755. `remap` outlives it.
/// Fails also: conflict, when two paths would become one.
std::unique_ptr<data::TreeTarget> remap_tree(std::unique_ptr<data::TreeTarget> target,
                                             Remap const& remap);
/// The same for a database's media: owners only.
std::unique_ptr<data::RowTarget> remap_media(std::unique_ptr<data::RowTarget> target,
                                             Remap const& remap);

}  // namespace perdure::job
