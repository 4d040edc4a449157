#pragma once

#include <functional>
#include <stop_token>
#include <vector>

#include "data/stream.h"

namespace perdure::job {

struct TreeDifference {
    std::string path;
    std::string what;         ///< "missing", "added", "content", "mode", …
    Timestamp live_changed;   ///< ctime of the live side; zero when it is missing there
    bool unreadable = false;  ///< the live one (or, where both are there, one of them)
                              ///< went meanwhile or cannot be read by us
};

struct TreeComparison {
    std::size_t max = 50;  ///< differences named
    bool owners = true;    ///< whether owners must be equal
    /// Of each difference, in order: whether it is none that is looked for. Such are not named, and
    /// however many they are, they hide no other.
    std::function<bool(TreeDifference const&)> excuses = {};
};

/// Walks two trees side by side and names what a restore should have made equal but did not:
/// kind, mode, owner, modification time, size, link target, xattrs, content.
Result<std::vector<TreeDifference>> compare_trees(data::TreeReader& live, data::TreeReader& copy,
                                                  TreeComparison how, std::stop_token stop);

}  // namespace perdure::job
