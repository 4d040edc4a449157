#pragma once

#include <string_view>

namespace perdure::format {

/// What an element of an incoming body becomes. Names that are not in the table are unwrapped:
/// their contents stay.
enum class ElementRole {
    container,  ///< holds blocks: div, blockquote
    paragraph,  ///< holds text only: p, pre
    heading,
    list,
    item,
    table,
    row,
    cell,
    caption,
    inline_,
    rule,        ///< hr
    line_break,  ///< br
    image,
    checkbox,  ///< input; other inputs vanish
    player,    ///< audio, video: a link to what they play
    dropped,   ///< with its raw text (script, style); what else is inside stays
};

struct ElementRule {
    std::string_view name;  ///< as it comes in
    ElementRole role;
    std::string_view out;  ///< as it goes out
    std::string_view css;  ///< class, or empty
};

/// Null for names that are not in the table. `name` in lower case.
ElementRule const* find_element(std::string_view name);

/// Elements whose contents are no markup: all up to the end tag is text.
bool holds_raw_text(std::string_view name);

}  // namespace perdure::format
