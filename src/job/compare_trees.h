#pragma once

#include <stop_token>
#include <vector>

#include "data/stream.h"

namespace perdure::job {

struct TreeDifference {
    std::string path;
    std::string what;        ///< "missing", "added", "content", "mode", …
    Timestamp live_changed;  ///< ctime of the live side; zero when it is missing there
};

/// Walks two trees side by side and names what a restore should have made equal but did not:
/// kind, mode, owner, modification time, size, link target, xattrs, content. At most `max`.
Result<std::vector<TreeDifference>> compare_trees(data::TreeReader& live, data::TreeReader& copy,
                                                  std::size_t max, std::stop_token stop);

}  // namespace perdure::job
