#include "origin/files/put/folded_names.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>

#include "base/ascii.h"
#include "origin/files/below.h"
#include "origin/files/metadata.h"

namespace perdure::origin {

namespace {

using Folds = OpenFolder::Folds;

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::optional<struct stat> look(int folder, std::string const& name) {
    struct stat status{};
    if (::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
    return status;
}

/// By a name that is there: whether it is there in other letters, too.
Folds ask(int folder, std::string const& name) {
    if (std::ranges::none_of(name, is_letter)) return Folds::unknown;
    std::string other = name;
    for (char& c : other)
        if (is_letter(c)) c = static_cast<char>(c ^ 0x20);
    auto const one = look(folder, name), same = look(folder, other);
    if (!one) return Folds::unknown;
    bool const folds = same && same->st_dev == one->st_dev && same->st_ino == one->st_ino;
    return folds ? Folds::yes : Folds::no;
}

/// The folders above are what they are: some may fold names, and others not.
std::size_t path_key(std::string const& path) {
    auto const [parent, name] = split_path(path);
    return std::hash<std::string>{}(std::string(parent) + "/" + ascii_lower(name));
}

std::size_t inode_key(struct stat const& status) {
    return std::hash<std::string>{}(std::to_string(status.st_dev) + " " +
                                    std::to_string(status.st_ino));
}

}  // namespace

bool FoldedNames::is_taken(Name const& name) const {
    if (names_.contains(path_key(name.path))) return true;
    auto const there = look(name.folder.descriptor(), name.name);
    return there && inodes_.contains(inode_key(*there));
}

Result<void> FoldedNames::put(Name const& name, std::function<Result<void>()> const& put) {
    auto folds = name.folder.folds.load();
    if (folds == Folds::unknown) {
        folds = ask(name.folder.descriptor(), name.there);
        name.folder.folds = folds;
    }
    // Where it cannot be told, names of digits alone are what they are.
    auto const is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
    bool const plain = folds == Folds::unknown && std::ranges::all_of(name.name, is_ascii);
    if (folds == Folds::no || plain) return put();
    std::lock_guard const lock(mutex_);
    if (is_taken(name)) return one_name(name.folder.descriptor(), name.name, name.path);
    PD_CHECK(put());
    names_.insert(path_key(name.path));
    if (auto const there = look(name.folder.descriptor(), name.name))
        inodes_.insert(inode_key(*there));
    return {};
}

}  // namespace perdure::origin
