#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_set>

#include "system/file.h"

namespace perdure::origin {

/// A folder that is being filled.
struct OpenFolder {
    system::File file;
    enum class Folds { unknown, no, yes };
    std::atomic<Folds> folds = Folds::unknown;  ///< it takes "a" for "A"
    int descriptor() const { return file.descriptor(); }
};

/// Where names replace what is there, a file system that takes "a" for "A" (FAT, ext4 with +F) lets
/// the second of them replace the first, and says nothing. So in such a folder it is remembered
/// what was put. Threads: any. Memory: two hashes of each name that was put into such a folder.
class FoldedNames {
public:
    struct Name {
        OpenFolder& folder;
        std::string const& name;
        std::string const& path;   ///< below the root of what is restored
        std::string const& there;  ///< some name that is in the folder by now
    };
    /// Runs `put`, which gives something this name. Fails: unsupported with code 3 (another name
    /// was put that the folder takes for this one); as `put`.
    Result<void> put(Name const& name, std::function<Result<void>()> const& put);

private:
    bool is_taken(Name const& name) const;

    std::mutex mutex_;  ///< held while names change, in such folders
    /// Hashes: a false match only costs one name.
    std::unordered_set<std::size_t> names_;   ///< paths, the last name in small letters
    std::unordered_set<std::size_t> inodes_;  ///< with their devices: not only letters are folded
};

}  // namespace perdure::origin
