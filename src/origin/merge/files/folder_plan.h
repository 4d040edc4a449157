#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "data/entry.h"

namespace perdure::origin {

/// Folders above the names that a restore puts in place: which are there and can be written to,
/// which have to be made first, which will not be made. Threads: any.
class FolderPlan {
public:
    /// `root`: descriptor of the live folder; outlives this.
    explicit FolderPlan(int root) : root_(root) {}

    /// A folder of the snapshot that was not chosen itself; it may be needed all the same.
    void met(std::string const& path, data::Entry const& entry);
    /// This restore makes the folder.
    void will_make(std::string const& path);
    /// The folder stays missing, so nothing can be put into it.
    void will_not_make(std::string const& path);

    struct Verdict {
        std::string blocked;    ///< why nothing can be put there, or empty
        bool declined = false;  ///< a folder above it will not be made
        /// Folders above it that nobody planned yet, parents first; from now on they are planned.
        std::vector<std::pair<std::string, data::Entry>> missing;
    };
    /// For a name that would be put at `path`.
    Verdict judge(std::string const& path);

private:
    Verdict look(std::string_view parent);
    int root_;
    std::mutex mutex_;
    std::map<std::string, data::Entry, std::less<>> met_;
    std::map<std::string, bool, std::less<>> planned_;      ///< true: it will be made
    std::map<std::string, Verdict, std::less<>> verdicts_;  ///< by parent
};

}  // namespace perdure::origin
