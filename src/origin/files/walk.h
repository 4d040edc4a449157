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
    bool one_file_system = false;
    bool exclude_caches = true;
};
WalkOptions walk_options(SourceOptions const& source);

/// Walks a tree as TreeReader describes, on the caller's thread and never ahead of it.
/// Memory: the names of the folders between the root and here, and one path for every file that has
/// several names.
class Walk {
public:
    /// Fails: not_found, denied, invalid (no folder).
    static Result<Walk> open(WalkOptions options);

    Result<std::optional<data::TreeItem>> next();
    /// The path below the root of the last item, "" for the root itself.
    std::string const& path() const { return item_path_; }
    /// Passes over what is left of the folder that was entered last; its leave still comes.
    void skip_folder() { frames_.back().at = frames_.back().names.size(); }
    std::vector<data::Problem> take_problems() { return std::move(problems_); }
    Root const& root() const { return root_; }

private:
    struct Name {
        std::uint32_t offset;
        std::uint8_t type;  ///< DT_*, possibly DT_UNKNOWN
    };
    /// A folder between the root and here.
    struct Frame {
        std::string name;
        system::File folder;      ///< closed while far below, see folder_of
        std::string names_text;   ///< NUL-terminated, one after another
        std::vector<Name> names;  ///< in memcmp order
        std::size_t at = 0;
        std::size_t path_bytes = 0;  ///< length of this folder's path
        std::uint64_t device = 0;
    };

    Walk(WalkOptions options, Root root);
    Result<std::optional<data::TreeItem>> start();
    /// Empty when the name is passed over.
    std::optional<data::TreeItem> visit(Frame& frame, Name name);
    data::TreeItem leave();
    void enter(data::Entry& entry, struct statx const& status);
    bool may_descend(data::Entry const& entry, int folder) const;
    void complete_file(data::Entry& entry, struct statx const& status, data::TreeItem& item);
    bool find_first_name(data::Entry& entry);
    int folder_of(Frame& frame);
    int list(Frame& frame) const;
    void keep_only_cache_tag(Frame& frame) const;
    void problem(std::string reason);

    WalkOptions options_;
    Root root_;
    std::vector<Frame> frames_;
    std::string item_path_;
    OwnerNames owners_;
    struct LinkedFile {
        std::string path;
        std::uint32_t names_left;
    };
    std::map<std::pair<std::uint64_t, std::uint64_t>, LinkedFile> linked_;
    std::vector<std::uint64_t> no_xattrs_;  ///< devices whose file systems have none
    std::vector<data::Problem> problems_;
    bool started_ = false;
};

}  // namespace perdure::origin
