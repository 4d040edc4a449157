#include "origin/files/exclude.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <array>
#include <cctype>
#include <filesystem>
#include <optional>
#include <span>

namespace perdure::origin {
namespace {

/// Empty: there is no such class.
std::optional<bool> in_class(std::string_view name, unsigned char c) {
    struct Class {
        std::string_view name;
        int (*test)(int);
    };
    static constexpr Class classes[] = {
        {"alnum", std::isalnum}, {"alpha", std::isalpha}, {"blank", std::isblank},
        {"cntrl", std::iscntrl}, {"digit", std::isdigit}, {"graph", std::isgraph},
        {"lower", std::islower}, {"print", std::isprint}, {"punct", std::ispunct},
        {"space", std::isspace}, {"upper", std::isupper}, {"xdigit", std::isxdigit}};
    for (Class const& known : classes)
        if (known.name == name) return known.test(c) != 0;
    return std::nullopt;
}

struct Bracket {
    std::size_t end = 0;  ///< position after ']'
    bool matches = false;
};

/// Reads the bracket expression at pattern[at] == '['. Empty when it is never closed, or names a
/// class that there is none of: such a pattern matches nothing. A range whose ends stand the wrong
/// way round matches its first.
std::optional<Bracket> match_bracket(std::string_view pattern, std::size_t at, unsigned char c) {
    std::size_t i = at + 1;
    bool const negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
    if (negated) ++i;
    bool matches = false;
    std::optional<unsigned char> before;  // what a range may begin with
    for (bool first = true; i < pattern.size(); first = false) {
        if (pattern[i] == ']' && !first) return Bracket{i + 1, matches != negated};
        if (pattern.substr(i, 2) == "[:") {
            auto const close = pattern.find(']', i + 2);
            if (close == std::string_view::npos) return std::nullopt;
            if (pattern[close - 1] == ':' && close > i + 2) {
                auto const known = in_class(pattern.substr(i + 2, close - i - 3), c);
                if (!known) return std::nullopt;
                matches |= *known;
                i = close + 1;
                before.reset();
                continue;
            }
        }
        bool const range =
            pattern[i] == '-' && before && i + 1 < pattern.size() && pattern[i + 1] != ']';
        if (range) ++i;
        if (pattern[i] == '\\' && ++i == pattern.size()) return std::nullopt;
        auto const here = static_cast<unsigned char>(pattern[i++]);
        matches |= range ? *before <= c && c <= here : c == here;
        before = range ? std::nullopt : std::optional(here);
    }
    return std::nullopt;
}

/// One step of a component's pattern other than '*': how far it reaches, or empty when c fails it.
std::optional<std::size_t> match_one(std::string_view pattern, std::size_t at, char c) {
    if (pattern[at] == '?') return at + 1;
    if (pattern[at] == '[') {
        auto const bracket = match_bracket(pattern, at, static_cast<unsigned char>(c));
        return bracket && bracket->matches ? std::optional(bracket->end) : std::nullopt;
    }
    if (pattern[at] == '\\' && ++at == pattern.size()) return std::nullopt;
    return pattern[at] == c ? std::optional(at + 1) : std::nullopt;
}

/// Going back to the last star only is enough, and keeps the time at O(pattern × name).
bool match_component(std::string_view pattern, std::string_view name) {
    std::size_t p = 0, n = 0, after_star = std::string_view::npos, star_name = 0;
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            while (p < pattern.size() && pattern[p] == '*') ++p;
            after_star = p;
            star_name = n;
            continue;
        }
        auto const next = p < pattern.size() ? match_one(pattern, p, name[n]) : std::nullopt;
        if (next) {
            p = *next;
            ++n;
        } else if (after_star != std::string_view::npos) {
            p = after_star;
            n = ++star_name;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

std::vector<std::string_view> split(std::string_view path) {
    std::vector<std::string_view> parts;
    for (;;) {
        std::size_t const cut = path.find('/');
        parts.push_back(path.substr(0, cut));
        if (cut == std::string_view::npos) return parts;
        path.remove_prefix(cut + 1);
    }
}

/// A pattern's components. A '/' between brackets parts nothing, and matches nothing.
std::vector<std::string_view> split_pattern(std::string_view pattern) {
    std::vector<std::string_view> parts;
    std::size_t from = 0, at = 0;
    while (at < pattern.size()) {
        bool const escaped = pattern[at] == '\\';
        if (pattern.substr(at, 2) == "\\/" || pattern[at] == '/') {
            parts.push_back(pattern.substr(from, at - from));
            from = at += escaped ? 2 : 1;
            continue;
        }
        auto const bracket = pattern[at] == '[' ? match_bracket(pattern, at, 0) : std::nullopt;
        at = bracket ? bracket->end : std::min(at + (escaped ? 2 : 1), pattern.size());
    }
    parts.push_back(pattern.substr(from));
    return parts;
}

/// "**", and what git takes for it between two slashes: more stars.
bool is_any_depth(std::string_view part) {
    return part.size() > 1 && part.find_first_not_of('*') == part.npos;
}

/// The same way back, one level up: "**" is the star, components are the letters.
bool match_path(std::span<std::string const> pattern, std::span<std::string_view const> path) {
    std::size_t p = 0, n = 0, after_star = pattern.size() + 1, star_name = 0;
    while (n < path.size()) {
        if (p < pattern.size() && pattern[p] == "**") {
            if (++p == pattern.size()) return true;  // at the end: everything inside
            after_star = p;
            star_name = n;
        } else if (p < pattern.size() && match_component(pattern[p], path[n])) {
            ++p;
            ++n;
        } else if (after_star <= pattern.size()) {
            p = after_star;
            n = ++star_name;
        } else {
            return false;
        }
    }
    return p == pattern.size();
}

std::string_view without_trailing_spaces(std::string_view pattern) {
    std::size_t keep = 0;
    for (std::size_t at = 0; at < pattern.size(); ++at) {
        if (pattern[at] == ' ') continue;
        if (pattern[at] == '\\') ++at;  // what it stands before is meant, a space too
        keep = std::min(at + 1, pattern.size());
    }
    return pattern.substr(0, keep);
}

std::optional<struct stat> stat_of(std::filesystem::path const& path) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) return std::nullopt;
    return status;
}

}  // namespace

ExcludeRules::ExcludeRules(std::vector<std::string> const& patterns, std::string_view root) {
    for (std::string const& pattern : patterns) add(pattern, root);
}

void ExcludeRules::add(std::string_view pattern, std::string_view root) {
    if (pattern.ends_with('\r') && !pattern.ends_with("\\\r")) pattern.remove_suffix(1);
    pattern = without_trailing_spaces(pattern);
    if (pattern.empty() || pattern.front() == '#') return;
    Rule rule;
    if (pattern.front() == '!') {
        rule.negated = true;
        pattern.remove_prefix(1);
    }
    if (root.size() > 1 && pattern.size() > root.size() && pattern.starts_with(root) &&
        (pattern[root.size()] == '/' || root.back() == '/'))
        pattern.remove_prefix(root.back() == '/' ? root.size() - 1 : root.size());
    if (!pattern.empty() && pattern.back() == '/') {
        rule.folders_only = true;
        pattern.remove_suffix(1);
    }
    if (pattern.empty()) return;
    bool const anchored = pattern.find('/') != std::string_view::npos;
    if (pattern.front() == '/') pattern.remove_prefix(1);
    if (!anchored) rule.components.emplace_back("**");
    for (std::string_view part : split_pattern(pattern)) {
        if (is_any_depth(part)) part = "**";
        if (part == "**" && !rule.components.empty() && rule.components.back() == "**") continue;
        rule.components.emplace_back(part);
    }
    rules_.push_back(std::move(rule));
}

bool ExcludeRules::excludes(std::string_view path, bool is_folder) const {
    if (rules_.empty()) return false;
    auto const parts = split(path);
    for (auto rule = rules_.rbegin(); rule != rules_.rend(); ++rule) {
        if (rule->folders_only && !is_folder) continue;
        if (match_path(rule->components, parts)) return !rule->negated;
    }
    return false;
}

std::string literal_pattern(std::string_view path, std::string_view root) {
    std::string pattern = "/";
    // "/data/x" below a root "/data" would be taken for an absolute path.
    bool const like_root = root.size() > 1 && (pattern + std::string(path)).starts_with(root);
    for (std::size_t at = 0; at < path.size(); ++at) {
        bool const leads = at == 0 && like_root;
        if (leads || std::string_view("*?[\\ \r").contains(path[at])) pattern += '\\';
        pattern += path[at];
    }
    return pattern;
}

bool is_cache_tag(system::File const& file) {
    constexpr std::string_view signature = "Signature: 8a477f597d28d172789f06886806bc55";
    std::array<std::byte, signature.size()> head{};
    auto const got = file.read_at(head, 0);
    return got && as_text(head) == signature;
}

/// What goes meanwhile, or cannot be listed, its own source tells of.
void KeptAsRows::collect() {
    std::vector<std::filesystem::path> folders;
    for (auto const& path : paths_) {
        std::error_code error;
        auto const real = std::filesystem::canonical(path, error);
        auto const status = error ? std::nullopt : stat_of(real);
        if (status && S_ISREG(status->st_mode)) files_.emplace(status->st_dev, status->st_ino);
        if (status && S_ISDIR(status->st_mode)) folders.push_back(real);
    }
    while (!folders.empty()) {
        std::error_code error;
        std::filesystem::directory_iterator at(folders.back(), error), end;
        folders.pop_back();
        for (; !error && at != end; at.increment(error)) {
            auto const status = stat_of(at->path());
            if (status && S_ISDIR(status->st_mode)) folders.push_back(at->path());
            if (status && S_ISREG(status->st_mode) && status->st_nlink > 1)
                in_folders_.emplace(status->st_dev, status->st_ino);
        }
    }
}

KeptAsRows::Kept KeptAsRows::find(struct statx const& status) {
    if (status.stx_nlink < 2 || !S_ISREG(status.stx_mode)) return Kept::no;
    std::call_once(collected_, [this] { collect(); });
    Identity const file{makedev(status.stx_dev_major, status.stx_dev_minor), status.stx_ino};
    if (files_.contains(file)) return Kept::as_file;
    return in_folders_.contains(file) ? Kept::in_folder : Kept::no;
}

}  // namespace perdure::origin
