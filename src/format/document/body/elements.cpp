#include "format/document/body/elements.h"

#include <algorithm>
#include <array>

namespace perdure::format {

namespace {

using enum ElementRole;

// Landmarks become plain containers (a page has its own), terms and details plain paragraphs: the
// fewer content models, the fewer ways to be invalid. Sorted by name.
constexpr ElementRule rules[] = {
    {"a", inline_, "a", ""},
    {"abbr", inline_, "abbr", ""},
    {"acronym", inline_, "abbr", ""},
    {"address", container, "div", ""},
    {"applet", dropped, "", ""},
    {"article", container, "div", ""},
    {"aside", container, "div", ""},
    {"audio", player, "", ""},
    {"b", inline_, "b", ""},
    {"bdi", inline_, "bdi", ""},
    {"bdo", inline_, "bdo", ""},
    {"big", inline_, "span", ""},
    {"blockquote", container, "blockquote", ""},
    {"br", line_break, "br", ""},
    {"caption", caption, "caption", ""},
    {"center", container, "div", ""},
    {"cite", inline_, "cite", ""},
    {"code", inline_, "code", ""},
    {"dd", container, "div", "meaning"},
    {"del", inline_, "del", ""},
    {"details", container, "div", "details"},
    {"dfn", inline_, "dfn", ""},
    {"div", container, "div", ""},
    {"dl", container, "div", "terms"},
    {"dt", paragraph, "p", "term"},
    {"em", inline_, "em", ""},
    {"embed", dropped, "", ""},
    {"fieldset", container, "div", ""},
    {"figcaption", paragraph, "p", "figcaption"},
    {"figure", container, "div", "figure"},
    {"font", inline_, "span", ""},
    {"footer", container, "div", ""},
    {"form", container, "div", ""},
    {"frame", dropped, "", ""},
    {"frameset", dropped, "", ""},
    {"h1", heading, "h1", ""},
    {"h2", heading, "h2", ""},
    {"h3", heading, "h3", ""},
    {"h4", heading, "h4", ""},
    {"h5", heading, "h5", ""},
    {"h6", heading, "h6", ""},
    {"header", container, "div", ""},
    {"hr", rule, "hr", ""},
    {"i", inline_, "i", ""},
    {"iframe", dropped, "", ""},
    {"img", image, "img", ""},
    {"input", checkbox, "", ""},
    {"ins", inline_, "ins", ""},
    {"kbd", inline_, "kbd", ""},
    {"legend", paragraph, "p", "term"},
    {"li", item, "li", ""},
    {"main", container, "div", ""},
    {"mark", inline_, "mark", ""},
    {"math", dropped, "", ""},
    {"menu", list, "ul", ""},
    {"nav", container, "div", ""},
    {"object", dropped, "", ""},
    {"ol", list, "ol", ""},
    {"p", paragraph, "p", ""},
    {"pre", paragraph, "pre", ""},
    {"q", inline_, "q", ""},
    {"s", inline_, "s", ""},
    {"samp", inline_, "samp", ""},
    {"script", dropped, "", ""},
    {"section", container, "div", ""},
    {"small", inline_, "small", ""},
    {"span", inline_, "span", ""},
    {"strike", inline_, "s", ""},
    {"strong", inline_, "strong", ""},
    {"style", dropped, "", ""},
    {"sub", inline_, "sub", ""},
    {"summary", paragraph, "p", "term"},
    {"sup", inline_, "sup", ""},
    {"svg", dropped, "", ""},
    {"table", table, "table", ""},
    {"td", cell, "td", ""},
    {"template", dropped, "", ""},
    {"th", cell, "th", ""},
    {"tr", row, "tr", ""},
    {"tt", inline_, "code", ""},
    {"u", inline_, "u", ""},
    {"ul", list, "ul", ""},
    {"var", inline_, "var", ""},
    {"video", player, "", ""},
};
static_assert(std::ranges::is_sorted(rules, {}, &ElementRule::name));

}  // namespace

ElementRule const* find_element(std::string_view name) {
    auto const found = std::ranges::lower_bound(rules, name, {}, &ElementRule::name);
    return found != std::end(rules) && found->name == name ? found : nullptr;
}

bool holds_raw_text(std::string_view name) {
    static constexpr std::string_view names[] = {"script", "style",   "xmp",      "iframe",
                                                 "title",  "noembed", "noframes", "textarea"};
    return std::ranges::find(names, name) != std::end(names);
}

}  // namespace perdure::format
