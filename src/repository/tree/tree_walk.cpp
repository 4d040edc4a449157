#include "repository/tree/tree_walk.h"

#include <algorithm>

namespace perdure::repository {

namespace {

constexpr std::size_t depth_max = 1u << 16;

/// The walk keeps its own stack, and one path for all of it: a tree as deep as somebody liked must
/// neither overflow ours nor cost the square of its depth.
class Walk {
public:
    Walk(BlobReader& blobs, DomainPtr domain, TreeVisitor const& visitor, std::stop_token stop)
        : blobs_(blobs), domain_(std::move(domain)), visitor_(visitor), stop_(std::move(stop)) {}

    Result<void> run(TreeRecord root) {
        PD_CHECK(enter(root));
        while (!levels_.empty()) {
            if (stop_.stop_requested()) return fail(Fault::cancelled, "stopped");
            Level& level = levels_.back();
            path_.resize(level.path_bytes);
            PD_TRY(std::optional<RecordView> const view, level.cursor.next(stop_));
            if (!view) {
                if (visitor_.leave) PD_CHECK(visitor_.leave(path_, level.entry));
                levels_.pop_back();
                continue;
            }
            PD_TRY(TreeRecord record, decode_record(view->whole));
            if (!path_.empty()) path_ += '/';
            path_ += record.entry.name;
            if (record.entry.kind == data::EntryKind::folder) {
                PD_CHECK(enter(record));
            } else if (visitor_.leaf) {
                PD_CHECK(visitor_.leaf(path_, record));
            }
        }
        return {};
    }

private:
    struct Level {
        std::size_t path_bytes;  ///< of path_, which leads here
        data::Entry entry;
        FolderCursor cursor;
    };

    /// The folder that path_ leads to.
    Result<void> enter(TreeRecord& record) {
        if (levels_.size() >= depth_max) return fail(Fault::corrupt, "a tree is too deep");
        if (visitor_.enter) {
            PD_TRY(bool const down, visitor_.enter(path_, record));
            if (!down) return {};
        }
        levels_.push_back(
            {path_.size(), std::move(record.entry), FolderCursor(blobs_, domain_, record.list)});
        if (visitor_.blob) levels_.back().cursor.records().watch(visitor_.blob);
        return {};
    }

    BlobReader& blobs_;
    DomainPtr domain_;
    TreeVisitor const& visitor_;
    std::stop_token stop_;
    std::string path_;  ///< of what is visited
    std::vector<Level> levels_;
};

bool is_below(std::string_view path, std::string_view folder) {
    return folder.empty() ||
           (path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/');
}

}  // namespace

Result<void> walk_tree(SourceSnapshot const& source, BlobReader& blobs, DomainPtr const& domain,
                       TreeVisitor const& visitor, std::stop_token stop) {
    PD_TRY(TreeRecord root, read_root(source, blobs, domain, stop));
    return Walk(blobs, domain, visitor, stop).run(std::move(root));
}

Result<TreeRecord> find_in_tree(SourceSnapshot const& source, std::string_view path,
                                BlobReader& blobs, DomainPtr const& domain, std::stop_token stop) {
    PD_TRY(TreeRecord record, read_root(source, blobs, domain, stop));
    std::string_view rest = path;
    while (!rest.empty()) {
        std::string_view const name = rest.substr(0, rest.find('/'));
        rest.remove_prefix(std::min(rest.size(), name.size() + 1));
        std::optional<TreeRecord> found;
        if (record.entry.kind == data::EntryKind::folder) {
            FolderCursor cursor(blobs, domain, record.list);
            while (!found) {
                PD_TRY(std::optional<RecordView> const view, cursor.next(stop));
                if (!view || view->name > name) break;
                if (view->name != name) continue;
                PD_TRY(found, decode_record(view->whole));
            }
        }
        if (!found) {
            return fail(Fault::not_found, "the snapshot holds no " + std::string(path));
        }
        record = std::move(*found);
    }
    return record;
}

Selection::Selection(std::vector<std::string> const& paths) {
    for (std::string path : paths) {
        while (path.ends_with('/')) path.pop_back();
        while (path.starts_with("./")) path.erase(0, 2);
        if (path.empty() || path == ".") {
            paths_.clear();
            return;
        }
        paths_.push_back(std::move(path));
    }
    std::sort(paths_.begin(), paths_.end());
    paths_.erase(std::unique(paths_.begin(), paths_.end()), paths_.end());
}

bool Selection::holds(std::string_view path) const {
    if (paths_.empty()) return true;
    for (std::size_t end = path.size();; end = path.rfind('/', end - 1)) {
        if (std::binary_search(paths_.begin(), paths_.end(), path.substr(0, end))) return true;
        if (end == 0 || path.find('/') >= end) return false;
    }
}

bool Selection::leads_to(std::string_view folder) const {
    if (holds(folder) || folder.empty()) return true;
    std::string const prefix = std::string(folder) + '/';
    auto const it = std::lower_bound(paths_.begin(), paths_.end(), prefix);
    return it != paths_.end() && is_below(*it, folder);
}

}  // namespace perdure::repository
