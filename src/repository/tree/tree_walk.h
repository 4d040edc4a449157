#pragma once

#include "repository/tree/record.h"

namespace perdure::repository {

/// What walk_tree tells about. Paths are '/'-joined from the root, which is "".
struct TreeVisitor {
    /// A folder, before what is in it (the root too). False: do not go down; no leave follows.
    std::function<Result<bool>(std::string const& path, TreeRecord& record)> enter;
    /// Everything that is no folder.
    std::function<Result<void>(std::string const& path, TreeRecord& record)> leaf;
    /// A folder, after what is in it.
    std::function<Result<void>(std::string const& path, data::Entry const& entry)> leave;
    /// Every blob that a folder's list names, before it is read. May be empty.
    std::function<Result<void>(BlobId const&)> blob;
};

/// Walks a stored tree depth first in the order of names. Memory: one blob a level.
/// Fails: corrupt; cancelled; what the visitor or BlobReader::read fails with.
Result<void> walk_tree(SourceSnapshot const& source, BlobReader& blobs, DomainPtr const& domain,
                       TreeVisitor const& visitor, std::stop_token stop);

/// The record at a path. Fails: not_found.
Result<TreeRecord> find_in_tree(SourceSnapshot const& source, std::string_view path,
                                BlobReader& blobs, DomainPtr const& domain, std::stop_token stop);

/// A set of chosen paths, folders whole.
class Selection {
public:
    /// Empty: everything.
    explicit Selection(std::vector<std::string> const& paths);
    bool everything() const { return paths_.empty(); }
    /// The path itself or one of its ancestors was chosen.
    bool holds(std::string_view path) const;
    /// A chosen path lies at or below this folder, or holds() it.
    bool leads_to(std::string_view folder) const;

private:
    std::vector<std::string> paths_;  ///< sorted
};

}  // namespace perdure::repository
