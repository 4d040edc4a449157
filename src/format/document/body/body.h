#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/document/page_text.h"

namespace perdure::format {

/// How void elements end: `<br>` reads better in HTML, `<br/>` is needed in XHTML.
enum class Markup { html, xhtml };

struct BodyOptions {
    Markup markup = Markup::html;
    /// Put before every id, so that two bodies of one page never share one.
    std::string id_prefix;
    /// The level of a body's highest heading, 2 … 6.
    unsigned heading_level = 2;
    /// A relative address of the body (a picture of the record) → an address that works from the
    /// page, escaped for a URL. Nothing: the address leads nowhere; its text stays.
    std::function<std::optional<std::string>(std::string_view address)> local;
    /// After about so many bytes of markup comes a place to cut; 0: none is wanted.
    std::size_t piece_bytes = 0;
    /// How much of the text alone is wanted, for a search index or an excerpt.
    std::size_t plain_bytes_max = 1 << 20;
};

/// A text of the application, made fit to stand in a page.
struct SafeBody {
    std::string markup;  ///< block elements, well-formed in XHTML, at most 40 deep
    /// Where `markup` may be cut; each piece is well-formed alone.
    std::vector<std::size_t> cuts;
    std::string plain;  ///< the text without markup
    TextFlaws flaws;
    /// What was taken out because it could run, load or lie: "2 script elements".
    std::vector<std::string> removed;
};

/// Renders `body` ("markdown", "html", else plain text). Nothing in it can run a script, load
/// anything from elsewhere, style the page or leave its place: the markup is built anew from an
/// allow-list of elements, attributes and URL schemes, whatever came in, and text of unknown
/// elements stays as text. Time and memory grow with the body's length only, however it is nested.
SafeBody safe_body(std::string_view body, std::string_view format, BodyOptions const& options);

}  // namespace perdure::format
