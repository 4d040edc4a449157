#pragma once

#include <functional>
#include <string_view>

namespace perdure::format {

/// GitHub's Markdown as HTML, in one or several parts. Raw HTML passes through: the caller takes
/// the result apart as it would any foreign HTML. `markdown` is page_text().
///
/// cmark 0.29.0.gfm.6 has inputs that take quadratic time; long texts are therefore rendered in
/// parts of at most 64 KiB, cut at empty lines, and what cannot be cut becomes plain text.
void render_markdown(std::string_view markdown,
                     std::function<void(std::string_view html)> const& take,
                     std::function<void(std::string_view text)> const& take_plain);

}  // namespace perdure::format
