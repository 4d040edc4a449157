#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "system/file.h"

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

/// The Cache Directory Tagging convention (https://bford.info/cachedir/): of a folder with a file
/// of this name that is_cache_tag() nothing but that file is kept. Threads: any.
inline constexpr char const* cache_tag_name = "CACHEDIR.TAG";
/// Whether the file begins with the signature of such a tag; not, if it cannot be read.
bool is_cache_tag(system::File const& file);

}  // namespace perdure::origin
