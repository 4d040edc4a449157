#pragma once

#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "system/file.h"

struct statx;

namespace perdure::origin {

/// Exclude rules in gitignore syntax: blank lines and '#', '!' takes back, a '/' at the front or in
/// the middle anchors at the root, one at the end matches folders only, '*', '?', '[…]' with ranges
/// and POSIX classes within a component, '**' across components. The last rule that matches
/// decides; what lies in an excluded folder cannot be taken back. Names are bytes. Threads:
/// matching from any.
class ExcludeRules {
public:
    ExcludeRules() = default;
    /// `root`: a pattern that begins with this absolute path is taken relative to it.
    ExcludeRules(std::vector<std::string> const& patterns, std::string_view root);

    bool empty() const { return rules_.empty(); }
    /// `path` below the root, without a leading '/'.
    bool excludes(std::string_view path, bool is_folder) const;

private:
    struct Rule {
        std::vector<std::string> components;  ///< "**" stands for any number of them
        bool negated = false, folders_only = false;
    };
    void add(std::string_view pattern, std::string_view root);
    std::vector<Rule> rules_;
};

/// A pattern that matches exactly this path below the root, as ExcludeRules gets it.
std::string literal_pattern(std::string_view path, std::string_view root);

/// Files that a source of rows keeps, known by device and inode: by whatever name one lies in a
/// tree, it would be there as plain bytes that no erasure and no mask reaches.
/// Costs nothing until a file with several names is met, then a look at each file of the folders.
/// Memory: a file with several names in them, about 100 B. Threads: any.
class KeptAsRows {
public:
    /// Files and folders; those that are not there keep nothing.
    explicit KeptAsRows(std::vector<std::string> paths) : paths_(std::move(paths)) {}

    enum class Kept { no, as_file, in_folder };
    Kept find(struct statx const& status);
    /// True for the first that asks: what lies in folders may be named after people, so that it is
    /// told once, without names.
    bool is_first_in_folder() { return !told_.exchange(true); }

private:
    using Identity = std::pair<std::uint64_t, std::uint64_t>;
    void collect();

    std::vector<std::string> paths_;
    std::once_flag collected_;
    std::set<Identity> files_, in_folders_;
    std::atomic<bool> told_ = false;
};

/// The Cache Directory Tagging convention (https://bford.info/cachedir/): of a folder with a file
/// of this name that is_cache_tag() nothing but that file is kept. Threads: any.
inline constexpr char const* cache_tag_name = "CACHEDIR.TAG";
/// Whether the file begins with the signature of such a tag; not, if it cannot be read.
bool is_cache_tag(system::File const& file);

}  // namespace perdure::origin
