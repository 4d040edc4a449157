#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "format/document/body/body.h"
#include "format/document/body/elements.h"
#include "format/document/body/html_tokens.h"

namespace perdure::format {

/// Builds valid markup from whatever sequence of tags and text arrives.
///
/// Invariants, after every call:
/// 1. What is open nests correctly: text stands in a paragraph, cell, item or container; inline
///    elements never hold blocks; lists hold items only, tables rows, rows cells.
/// 2. At most `depth_max` elements are open. Deeper ones are unwrapped: their text stays.
/// 3. Only names and attributes of the tables in elements.cpp and fragment.cpp were written, and
///    text and values were escaped.
class Fragment {
public:
    explicit Fragment(BodyOptions const& options);

    void start(HtmlToken const& token);
    void end(std::string_view name);
    void text(std::string_view text);
    /// Closes everything and hands the result over.
    SafeBody finish();

private:
    struct Open {
        ElementRule const* rule;
        std::string tag;  ///< as written, without its id: it may be opened again after a cut
        std::string name;
    };
    struct FragmentLink {
        std::size_t offset, length;  ///< of ` href="#…"` in the markup
        std::string id;
    };

    ElementRole top() const;
    bool inside_text() const;  ///< a paragraph, heading, caption or inline element is open
    void push(ElementRule const& rule, std::string attributes, std::string_view id = {});
    void implied(std::string_view name);
    void pop();
    void make_room_for_block();
    void make_room_for_text();
    void prepare_list_item();
    void prepare_row();
    void prepare_cell();
    bool closes(Open const& open, std::string_view name) const;
    void start_block(ElementRule const& rule, HtmlToken const& token);
    void start_heading(HtmlToken const& token);
    void start_image(HtmlToken const& token);
    void start_player(HtmlToken const& token);
    void start_link(ElementRule const& rule, HtmlToken const& token);
    void plain_link(std::string const& address, std::string_view label);
    void void_element(std::string_view name, std::string_view attributes);
    std::string attributes_of(ElementRule const& rule, HtmlToken const& token);
    std::string take_id(HtmlToken const& token);
    void note(std::string_view what);
    void note_dangerous(HtmlToken const& token);
    void plain(std::string_view text);
    void plain_break();
    void maybe_cut();
    void resolve_fragments();

    BodyOptions const& options_;
    SafeBody body_;
    std::vector<Open> open_;
    std::size_t unwrapped_ = 0;  ///< how many elements below the deepest allowed one are open
    unsigned heading_last_ = 0;
    bool drop_text_ = false;
    std::set<std::string, std::less<>> ids_;
    std::vector<FragmentLink> fragments_;
    std::vector<std::pair<std::string, std::uint64_t>> removed_;
};

}  // namespace perdure::format
