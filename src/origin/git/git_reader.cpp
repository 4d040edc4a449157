#include "origin/git/git_reader.h"

#include <map>
#include <set>

#include "origin/files/below.h"
#include "origin/git/captured.h"
#include "origin/git/pinned.h"
#include "origin/git/work_trees.h"

// The problem: copy a repository file by file while others push to it, pack refs and collect
// garbage, so that every object that the copied refs need is in the copy.
//
// Git writes an object before the ref that needs it, and a pack before it removes what the pack
// replaces. Therefore:
// 1. Refs are read first, into memory (Captured): loose ones, then packed-refs (pack-refs writes
//    that file before it removes loose ones), or the tables of refs, then HEAD, then what linked
//    work trees stand on (worktrees/NAME/HEAD). objects/info (commit graphs name objects too) comes
//    with them.
// 2. Loose objects next, each pinned (read or held open) the moment it is met. One that vanished
//    has gone into a pack that was complete before.
// 3. Packs last, all held open at once. When the folder shows another pack after that, a repack
//    came between: once more, from the listing.
// So the walk must not run ahead of this reader: it uses Walk, not the threaded reader.
// 4. Submodules have repositories of their own below modules/, which are read in the same order.
// 5. Locks, temporary objects and quarantines of pushes under way stay out: in the copy they would
//    only block.
//
// Not covered: objects that a force-push makes unreachable and `gc --prune=now` removes within the
// minutes of the copy (git fsck of the restored copy tells). Rejected: `git bundle` (drops stashes,
// hooks and config, refuses an empty repository), refs last (may name objects that were not
// copied).

namespace perdure::origin {
namespace {

using data::TreeItem;
using Step = TreeItem::Step;

constexpr int pack_tries_max = 10;
constexpr std::size_t held_open_max = 400;  ///< descriptors; further files are opened by name

/// git-annex keeps files below names with the ending that they had, yarn.lock among them.
bool is_temporary(std::string_view path, std::string_view name) {
    if (path.starts_with("annex/objects/")) return false;
    if (name.ends_with(".lock") || name == "gc.pid") return true;
    return path.starts_with("objects/") &&
           (name.starts_with("tmp_") || name.starts_with("incoming-"));
}

class GitReader final : public data::TreeReader {
public:
    GitReader(WalkOptions options, Walk walk, std::string git_folder)
        : options_(std::move(options)), walk_(std::move(walk)), git_(std::move(git_folder)) {}

    Result<void> capture();
    Result<std::optional<TreeItem>> next(std::stop_token stop) override;
    std::vector<data::Problem> take_problems() override;

private:
    std::string inside(std::string_view name) const {
        return git_.empty() ? std::string(name) : git_ + "/" + std::string(name);
    }
    Result<Captured> capture_folder(std::string const& below_git,
                                    std::set<std::string>* names = nullptr);
    Result<std::optional<TreeItem>> capture_file(std::string const& below_git);
    Result<void> capture_repository(std::string const& repository);
    void find_submodules(std::string const& below_git);
    std::string_view repository_of(std::string_view below_git) const;
    Result<Captured> capture_packs(std::string const& below_git);
    Result<std::optional<TreeItem>> in_git_folder(TreeItem item, std::string_view path);
    /// Passes over the folder just entered, its leave included.
    Result<void> pass_over_folder();

    WalkOptions options_;
    Walk walk_;
    std::string git_;
    std::vector<std::string> repositories_{""};  ///< the git folder, and modules/NAME below it
    std::map<std::string, Captured, std::less<>> captured_;  ///< by folder
    std::map<std::string, std::optional<TreeItem>, std::less<>> captured_files_;
    Captured pending_;
    std::vector<data::Problem> problems_;
};

bool is_packs_listing_current(std::set<std::string> const& known, Walk again) {
    for (;;) {
        auto item = again.next();
        if (!item || !*item) return item.has_value();
        bool const pack = (*item)->entry.name.ends_with(".pack");
        if (pack && (*item)->step == Step::leaf && !known.contains((*item)->entry.name))
            return false;
    }
}

/// A folder of the repository with everything in it, pinned. Empty when there is none.
Result<Captured> GitReader::capture_folder(std::string const& below_git,
                                           std::set<std::string>* names) {
    std::string const path = inside(below_git);
    WalkOptions options = options_;
    options.folder = options_.folder / path;
    options.exclude = {};
    auto walk = Walk::open(options);
    Captured items;
    if (!walk && walk.error().fault() == Fault::not_found) return items;
    if (!walk) return walk.error();
    std::size_t held_open = 0;
    for (;;) {
        PD_TRY(auto item, walk->next());
        if (!item) break;
        auto const own = (below_git + "/").substr(repository_of(below_git + "/").size());
        if (item->step == Step::leaf && is_temporary(own, item->entry.name)) continue;
        item->entry.same_as.clear();  // it would name a path below this folder, not the source
        if (item->entry.name.empty()) item->entry.name = std::string(split_path(path).name);
        bool const in_memory = item->entry.size <= pinned_in_memory_max;  // refs, all of them
        std::optional<Pinned> pinned;
        if (item->content && (in_memory || held_open < held_open_max)) {
            auto now = pin(walk->root(), walk->path(), item->entry);
            if (now && now->vanished) continue;
            if (now) pinned = std::move(*now);  // else its reader will say why
            if (!in_memory) ++held_open;
        }
        if (names != nullptr) names->insert(item->entry.name);
        items.add(std::move(*item), std::move(pinned));
    }
    for (data::Problem& problem : walk->take_problems()) {
        problem.path = path + "/" + problem.path;
        problems_.push_back(std::move(problem));
    }
    return items;
}

Result<std::optional<TreeItem>> GitReader::capture_file(std::string const& below_git) {
    Root const& root = walk_.root();
    std::string const path = inside(below_git);
    struct statx status{};
    PD_TRY(system::File folder, open_folder_beneath(root->descriptor(), split_path(path).parent));
    std::string const name(split_path(path).name);
    int const error = stat_at(folder.descriptor(), name.c_str(), status);
    if (error == ENOENT) return std::optional<TreeItem>();
    if (error != 0) return system::error_from_errno(error, "cannot stat " + path);
    TreeItem item;
    item.entry = entry_from(status);
    item.entry.name = name;
    bool vanished = false;
    PD_TRY(item.content, pin_file(root, path, item.entry, vanished));
    if (vanished) return std::optional<TreeItem>();
    return std::optional(std::move(item));
}

Result<void> GitReader::capture() {
    find_submodules("modules");
    for (auto const& repository : repositories_) PD_CHECK(capture_repository(repository));
    return {};
}

/// `repository`: "" or ending in '/'.
Result<void> GitReader::capture_repository(std::string const& repository) {
    auto const take = [&](char const* folder) -> Result<void> {
        PD_TRY(captured_[repository + folder], capture_folder(repository + folder));
        return {};
    };
    PD_CHECK(take("refs"));
    PD_CHECK(take("reftable"));
    for (char const* file : {"packed-refs", "HEAD"}) {
        PD_TRY(captured_files_[repository + file], capture_file(repository + file));
    }
    PD_CHECK(take("worktrees"));
    PD_CHECK(take("objects/info"));
    std::string const alternates = inside(repository + "objects/info/alternates");
    if (open_file_beneath(walk_.root()->descriptor(), alternates))
        problems_.push_back({alternates,
                             "the repository borrows objects from another one, which is "
                             "not part of this source"});
    return {};
}

/// Their names may hold slashes, and they may have submodules of their own.
void GitReader::find_submodules(std::string const& below_git) {
    std::error_code error;
    std::filesystem::directory_iterator at(options_.folder / inside(below_git), error);
    for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
        std::error_code unknown;
        if (!at->is_directory(unknown) || at->is_symlink(unknown)) continue;
        std::string const found = below_git + "/" + at->path().filename().native();
        bool const repository = is_repository(at->path());
        if (repository) repositories_.push_back(found + "/");
        find_submodules(repository ? found + "/modules" : found);
    }
}

/// The innermost one that the path lies in.
std::string_view GitReader::repository_of(std::string_view below_git) const {
    std::string_view found;
    for (auto const& repository : repositories_) {
        if (below_git.starts_with(repository) && repository.size() > found.size())
            found = repository;
    }
    return found;
}

Result<Captured> GitReader::capture_packs(std::string const& below_git) {
    WalkOptions options = options_;
    options.folder = options_.folder / inside(below_git);
    options.exclude = {};
    Captured items;
    for (int attempt = 0; attempt < pack_tries_max; ++attempt) {
        std::set<std::string> names;
        PD_TRY(items, capture_folder(below_git, &names));
        PD_TRY(Walk again, Walk::open(options));
        if (is_packs_listing_current(names, std::move(again))) return items;
    }
    problems_.push_back({inside(below_git), "was repacked again and again while it was read"});
    return items;
}

Result<void> GitReader::pass_over_folder() {
    walk_.skip_folder();
    PD_CHECK(walk_.next());
    return {};
}

/// `path` is below the git folder. Empty: passed over, or replaced by what is pending.
Result<std::optional<TreeItem>> GitReader::in_git_folder(TreeItem item, std::string_view path) {
    std::optional<TreeItem> const nothing;
    bool const enters = item.step == Step::enter;
    std::string_view const own = path.substr(repository_of(path).size());
    if (is_temporary(own, item.entry.name)) {
        if (enters) PD_CHECK(pass_over_folder());
        return nothing;
    }
    if (auto const known = captured_.find(path); enters && known != captured_.end()) {
        PD_CHECK(pass_over_folder());
        pending_ = std::move(known->second);
        return nothing;
    }
    if (enters && own == "objects/pack") {
        std::string const packs_folder(path);
        PD_CHECK(pass_over_folder());
        PD_TRY(pending_, capture_packs(packs_folder));
        return nothing;
    }
    if (enters || !item.content) return std::optional(std::move(item));
    if (auto const known = captured_files_.find(path); known != captured_files_.end()) {
        auto& captured = known->second;
        if (captured) {  // as it was then; attributes hardly ever exist here
            captured->entry.user = item.entry.user;
            captured->entry.group = item.entry.group;
            captured->entry.xattrs = item.entry.xattrs;
        }
        return std::move(captured);
    }
    if (own.starts_with("objects/")) {
        bool vanished = false;
        auto content = pin_file(walk_.root(), walk_.path(), item.entry, vanished);
        if (vanished) return nothing;
        if (content) item.content = std::move(*content);
    }
    return std::optional(std::move(item));
}

Result<std::optional<TreeItem>> GitReader::next(std::stop_token stop) {
    for (;;) {
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        if (!pending_.empty()) return pending_.take();
        PD_TRY(auto item, walk_.next());
        if (!item || item->step == Step::leave) return item;
        std::string_view path = walk_.path();
        if (!git_.empty()) {
            if (!path.starts_with(git_ + "/")) return item;
            path.remove_prefix(git_.size() + 1);
        }
        if (path.empty()) return item;
        std::string const below_git(path);
        PD_TRY(auto kept, in_git_folder(std::move(*item), below_git));
        if (kept) return kept;
    }
}

std::vector<data::Problem> GitReader::take_problems() {
    for (data::Problem& problem : walk_.take_problems()) problems_.push_back(std::move(problem));
    return std::move(problems_);
}

}  // namespace

Result<std::string> find_git_folder(system::Path const& path) {
    if (is_repository(path)) return std::string();
    if (is_repository(path / ".git")) return std::string(".git");
    if (!system::exists(path)) return fail(Fault::not_found, path.native() + " does not exist");
    if (system::exists(path / ".git")) {
        auto const repository = repository_of_work_tree(path);
        return fail(Fault::invalid,
                    path.native() + " is a linked work tree, not a repository" +
                        (repository ? "; that lies in " + repository->native() : std::string()))
            .with_fix(
                "name the repository as the source of type git, and this folder as one of type "
                "files: what is not committed is only here");
    }
    return fail(Fault::invalid, path.native() + " is no git repository (no HEAD, objects, refs)");
}

Result<std::unique_ptr<data::TreeReader>> read_git(WalkOptions options) {
    PD_TRY(std::string git_folder, find_git_folder(options.folder));
    PD_TRY(Walk walk, Walk::open(options));
    auto reader =
        std::make_unique<GitReader>(std::move(options), std::move(walk), std::move(git_folder));
    PD_CHECK(reader->capture());
    return reader;
}

}  // namespace perdure::origin
