#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace perdure::format {

struct HtmlAttribute {
    std::string name;   ///< in lower case
    std::string value;  ///< entities resolved
};

struct HtmlToken {
    enum class Kind { text, start, end } kind = Kind::text;
    std::string name;  ///< of a tag, in lower case; empty: one that never ends
    std::string text;  ///< entities resolved
    std::vector<HtmlAttribute> attributes;
    bool self_closing = false;
};

/// Cuts HTML, however broken, into tags and text, in one pass without going back: linear in the
/// input. What no browser would take for a tag is text; so is everything after a tag, comment or
/// quote that never ends (a browser would drop it). Comments and declarations vanish.
///
/// Not libxml2's parser: that one stops at 256 levels and forgets the rest, and looks for every
/// stray end tag through all open elements.
class HtmlTokens {
public:
    /// `html` is page_text() and outlives this.
    explicit HtmlTokens(std::string_view html) : rest_(html) {}
    /// False at the end. The token's strings are reused.
    bool next(HtmlToken& token);

private:
    void raw_text(HtmlToken& token);
    void begin_raw(HtmlToken& token);
    bool tag(HtmlToken& token);
    bool declaration();
    bool attribute(HtmlToken& token);
    bool attribute_value(std::string& value);
    void take_text(HtmlToken& token, std::size_t length);

    std::string_view rest_;
    std::string raw_name_;  ///< inside an element of raw text
    bool only_text_ = false;
};

/// Entities of HTML 4, numbers, and &apos;; others stay as they are written.
void decode_entities(std::string& out, std::string_view text);

}  // namespace perdure::format
