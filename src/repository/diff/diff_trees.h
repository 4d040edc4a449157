#pragma once

#include "repository/tree/record.h"

namespace perdure::repository {

/// One name that two stored trees tell different things about.
struct EntryDifference {
    enum class Kind { added, removed, changed } kind = Kind::changed;
    std::string const& path;  ///< '/'-joined from the root, which is ""
    TreeRecord const* before = nullptr;
    TreeRecord const* after = nullptr;
    bool content = false;  ///< of changed files: their bytes differ
};

struct TreeDiffOptions {
    /// Folders are told before what is in them; of an added or removed one everything is told.
    std::function<Result<void>(EntryDifference const&)> each;
    /// Device, inode, ctime and number of links differ after every restore and move: only told
    /// about on request.
    bool identity = false;
};

/// Walks two trees of the common domain in step, in the order of names. Folders with equal lists
/// are passed over unread, and of changed ones only the blobs that differ are read: the cost is
/// that of the difference. Either source may be null: an empty tree.
/// Memory: a folder's list of blobs and one blob a level.
/// Fails: corrupt; cancelled; what `each` or BlobReader::read fails with.
Result<void> diff_trees(SourceSnapshot const* before, SourceSnapshot const* after,
                        TreeDiffOptions const& options, BlobReader& blobs, DomainPtr const& domain,
                        std::stop_token stop);

/// Names of the properties in which two entries differ: "mode", "owner", "modified", "size",
/// "link target", "attributes", "kind", "flags", "hard link", "identity".
std::vector<std::string> differing_properties(data::Entry const& before, data::Entry const& after,
                                              bool identity);

}  // namespace perdure::repository
