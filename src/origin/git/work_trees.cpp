#include "origin/git/work_trees.h"

#include <algorithm>
#include <string>

#include "base/ascii.h"
#include "base/below.h"
#include "base/trim.h"
#include "system/path/real_path.h"

namespace perdure::origin {
namespace {

constexpr std::uint64_t text_bytes_max = std::uint64_t{1} << 20;

std::string text_of(system::Path const& file) {
    auto const raw = system::read_file(file, text_bytes_max);
    return raw ? to_string(*raw) : std::string();
}

/// What a config file of git says of [core]: `worktree` and `bare`, as far as it is written
/// plainly.
struct Core {
    std::string worktree;
    bool bare = false;
};

void read_core(std::string_view text, Core& core) {
    bool inside = false;
    while (!text.empty()) {
        auto const end = std::min(text.find('\n'), text.size());
        auto const line = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.starts_with('[')) inside = ascii_lower(line).starts_with("[core]");
        auto const equals = line.find('=');
        if (!inside || equals == line.npos) continue;
        auto const name = ascii_lower(trimmed(line.substr(0, equals)));
        auto value = trimmed(line.substr(equals + 1));
        if (value.size() >= 2 && value.starts_with('"') && value.ends_with('"'))
            value = value.substr(1, value.size() - 2);
        if (name == "worktree") core.worktree = value;
        if (name == "bare") core.bare = ascii_same(value, "true");
    }
}

bool holds_more_than_git(system::Path const& folder) {
    std::error_code error;
    std::filesystem::directory_iterator at(folder, error);
    for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
        if (at->path().filename() != ".git") return true;
    }
    return false;
}

/// worktrees/NAME/gitdir names the .git file of a linked work tree.
void add_linked(system::Path const& git, std::vector<system::Path>& trees) {
    std::error_code error;
    std::filesystem::directory_iterator at(git / "worktrees", error);
    for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
        std::string const text = text_of(at->path() / "gitdir");
        auto const written = trimmed(text);
        if (written.empty()) continue;
        auto const pointer =
            system::real_path(at->path() / system::Path(written));  // an absolute one replaces
        if (system::exists(pointer)) trees.push_back(pointer.parent_path());
    }
}

}  // namespace

bool is_repository(system::Path const& path) {
    return system::exists(path / "HEAD") && system::exists(path / "objects") &&
           system::exists(path / "refs");
}

std::vector<system::Path> work_trees_outside(system::Path const& path) {
    auto const root = system::real_path(path);
    auto const git = is_repository(root) ? root : root / ".git";
    std::vector<system::Path> trees, outside;
    if (!is_repository(git)) return outside;
    add_linked(git, trees);
    Core core;
    for (char const* file : {"config", "config.worktree"}) read_core(text_of(git / file), core);
    if (!core.worktree.empty()) {
        trees.push_back(system::real_path(git / core.worktree));
    } else if (!core.bare && git == root && git.filename() == ".git") {
        trees.push_back(git.parent_path());
    }
    for (auto const& tree : trees) {
        if (!is_below(tree, root) && holds_more_than_git(tree)) outside.push_back(tree);
    }
    std::ranges::sort(outside);
    outside.erase(std::ranges::unique(outside).begin(), outside.end());
    return outside;
}

std::optional<system::Path> repository_of_work_tree(system::Path const& tree) {
    constexpr std::string_view start = "gitdir:";
    std::string const text = text_of(tree / ".git");
    if (!text.starts_with(start)) return std::nullopt;
    auto const git = system::real_path(
        tree / system::Path(trimmed(std::string_view(text).substr(start.size()))));
    // A linked work tree has a folder of its own within the repository, which names the common one.
    std::string const text_of_common = text_of(git / "commondir");
    auto const common = trimmed(text_of_common);
    return common.empty() ? git : system::real_path(git / system::Path(common));
}

}  // namespace perdure::origin
