#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/stream.h"
#include "origin/files/content.h"
#include "origin/files/exclude.h"
#include "origin/files/stat.h"
#include "origin/origin.h"

namespace perdure::origin {

struct WalkOptions {
    system::Path folder;
    ExcludeRules exclude;
    std::vector<std::string> kept_as_rows;  ///< as in SourceOptions
    bool one_file_system = false;
    bool exclude_caches = true;
};
WalkOptions walk_options(SourceOptions const& source);

/// An item on its way: leaves come from the walk with name and type only and are completed apart,
/// by any thread.
struct Pending {
    data::TreeItem item;
    std::string path;                            ///< below the root, "" for the root itself
    std::shared_ptr<system::File const> folder;  ///< of a leaf that is not complete yet
};

/// Completes leaves: stat, attributes, link target, extents, owner names.
/// Threads: one, but many of these may work at once.
class LeafReader {
public:
    explicit LeafReader(Root root, std::shared_ptr<KeptAsRows> kept = {})
        : root_(std::move(root)), kept_(std::move(kept)) {}
    /// False when the leaf is gone, kept elsewhere or unreadable (a problem, unless it simply
    /// vanished).
    bool complete(Pending& pending);
    OwnerNames& owners() { return owners_; }
    std::vector<data::Problem> take_problems() { return std::move(problems_); }

private:
    bool stays_out(std::string const& path, struct statx const& status);

    Root root_;
    std::shared_ptr<KeptAsRows> kept_;
    OwnerNames owners_;
    std::vector<std::uint64_t> no_xattrs_;  ///< devices whose file systems have none
    std::vector<data::Problem> problems_;
};

/// Recognises further names of a file that was met before. Must see all items in order.
/// An inode whose file went during the walk may belong to another one by now: what neither kept its
/// ctime nor looks the same is a file of its own.
/// Memory: one path for every file that has names still to come.
class HardLinks {
public:
    void resolve(data::TreeItem& item, std::string const& path);

private:
    struct LinkedFile {
        std::string path;
        std::uint32_t names_left;
        Timestamp changed, modified;
        std::uint64_t size;
        data::EntryKind kind;
    };
    std::map<std::pair<std::uint64_t, std::uint64_t>, LinkedFile> seen_;
};

/// Walks a tree as TreeReader describes, on the caller's thread and never ahead of it.
/// Memory: the names of the folders between the root and here.
class Walk {
public:
    /// Fails: not_found, denied, invalid (no folder).
    static Result<Walk> open(WalkOptions options);

    /// The next item, complete.
    Result<std::optional<data::TreeItem>> next();
    /// The next item; a leaf with name and folder only, to be completed by a LeafReader and then
    /// seen by HardLinks. Not to be mixed with next().
    Result<std::optional<Pending>> next_pending();
    /// The path below the root of the last item, "" for the root itself.
    std::string const& path() const { return item_path_; }
    /// Passes over what is left of the folder that was entered last; its leave still comes.
    void skip_folder() { frames_.back().at = frames_.back().names.size(); }
    std::vector<data::Problem> take_problems();
    Root const& root() const { return root_; }
    /// Of this walk's leaves.
    LeafReader leaf_reader() const { return LeafReader(root_, kept_); }

private:
    struct Name {
        std::uint32_t offset;
        std::uint8_t type;  ///< DT_*, possibly DT_UNKNOWN
    };
    /// A folder between the root and here.
    struct Frame {
        std::string name;
        std::shared_ptr<system::File const> folder;  ///< empty while far below, see folder_of
        std::string names_text;                      ///< NUL-terminated, one after another
        std::vector<Name> names;                     ///< in memcmp order
        std::size_t at = 0;
        std::size_t path_bytes = 0;  ///< length of this folder's path
        std::uint64_t device = 0;
    };

    Walk(WalkOptions options, Root root);
    Result<std::optional<Pending>> start();
    /// Empty when the name is passed over.
    std::optional<Pending> visit(Frame& frame, Name name);
    std::optional<Pending> visit_folder(Frame& frame, char const* name);
    Pending leave();
    void enter(data::Entry& entry);
    bool may_descend(data::Entry const& entry, int folder) const;
    int folder_of(Frame& frame);
    static int read_names(Frame& frame);
    static int list(Frame& frame);
    void keep_only_cache_tag(Frame& frame) const;
    void problem(std::string reason);

    WalkOptions options_;
    Root root_;
    std::shared_ptr<KeptAsRows> kept_;  ///< what stays out whatever its name; null: nothing
    LeafReader leaves_;
    HardLinks links_;
    std::vector<Frame> frames_;
    std::string item_path_;
    std::vector<data::Problem> problems_;
    bool started_ = false;
};

}  // namespace perdure::origin
