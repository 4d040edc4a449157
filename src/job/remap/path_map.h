#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/stream.h"

namespace perdure::job {

/// How paths of a tree become others: the longest rule whose OLD is the path or a folder above it
/// decides. Relative paths are '/'-joined below the source. Immutable, but for that it remembers
/// which rules met something; copies share that. Threads: any.
class PathMap {
public:
    PathMap() = default;
    /// "OLD=NEW" each; a '/' before OLD or NEW means the source's root as well. NEW may be empty:
    /// OLD's contents move to the root.
    /// Fails: invalid (PD-0002): "..", "." or empty components, no '='.
    static Result<PathMap> create(std::vector<std::string> const& rules);
    bool empty() const { return rules_.empty(); }
    std::string apply(std::string const& path) const;
    /// The OLD of each rule that met nothing so far, as it was written: probably misspelt, so that
    /// what it was to move lies where it was before.
    std::vector<std::string> idle() const;
    /// Folders above the places that rules name, parents first: what comes there needs them.
    std::vector<std::string> new_folders() const;
    /// The same for the target of a symbolic link: absolute ones below an absolute OLD change.
    std::string apply_link(std::string const& target) const;

private:
    struct Rule {
        std::string text;  ///< OLD, as it was written
        std::string old_path, new_path;
        bool absolute = false;  ///< both were written with a '/' in front
        std::shared_ptr<std::atomic<bool>> met = std::make_shared<std::atomic<bool>>(false);
    };
    std::vector<Rule> rules_;  ///< longest OLD first
};

/// Names rules that met nothing.
void note_idle(std::vector<std::string> const& rules, std::vector<data::Problem>& problems);

}  // namespace perdure::job
