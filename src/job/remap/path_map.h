#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace perdure::job {

/// How paths of a tree become others: the longest rule whose OLD is the path or a folder above it
/// decides. Relative paths are '/'-joined below the source. Immutable. Threads: any.
class PathMap {
public:
    PathMap() = default;
    /// "OLD=NEW" each; a '/' before OLD or NEW means the source's root as well. NEW may be empty:
    /// OLD's contents move to the root.
    /// Fails: invalid (PD-0002): "..", "." or empty components, no '='.
    static Result<PathMap> create(std::vector<std::string> const& rules);
    bool empty() const { return rules_.empty(); }
    std::string apply(std::string const& path) const;
    /// The OLD of each rule that must meet a path to do anything: one that is absolute on both
    /// sides may be there for the targets of links.
    std::vector<std::string> old_paths() const;
    /// Folders above the places that rules name, parents first: they must exist.
    std::vector<std::string> new_folders() const;
    /// The same for the target of a symbolic link: absolute ones below an absolute OLD change.
    std::string apply_link(std::string const& target) const;

private:
    struct Rule {
        std::string old_path, new_path;
        bool absolute = false;  ///< both were written with a '/' in front
    };
    std::vector<Rule> rules_;  ///< longest OLD first
};

}  // namespace perdure::job
