#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace perdure::format {

enum class LinkKind {
    none,      ///< dangerous, malformed, or leads nowhere
    outside,   ///< http, https, mailto, tel
    fragment,  ///< "#…"
    local,     ///< relative
};

struct Link {
    LinkKind kind = LinkKind::none;
    std::string address;  ///< outside: a valid URL, percent-encoded; else as it came, trimmed
};

/// Reads an address the way a browser does: tabs and line ends inside vanish, blanks and controls
/// around it, too, so that "java\nscript:" is what it is.
Link read_link(std::string_view address);

/// The path that a relative address of a body means: %XX resolved, without query, fragment, "./".
std::string decoded_path(std::string_view address);

/// A path below the page's folder as a relative URL.
std::string url_path(std::string_view path);

}  // namespace perdure::format
