#pragma once

#include <functional>
#include <optional>

#include "format/document/pdf/page.h"

namespace perdure::format::pdf {

/// A picture that stands in a row of pictures, with what is written below it.
struct Figure {
    Number picture = 0;
    double width = 0, height = 0;
    std::vector<Line> caption;
    std::string alt;
};

/// What flows down the pages, one below the other.
struct Item {
    std::string tag = "P";  ///< of its structure element; rows are TR
    std::vector<Line> lines;
    std::optional<Line> marker;  ///< of a list item: hangs left of the first line
    std::vector<Figure> figures;
    std::vector<std::vector<Line>> cells;  ///< of a table row
    bool header = false;                   ///< the row heads its table
    std::vector<double> shares;            ///< of the cells in the width; empty: equal
    double indent = 0, before = 0;
    bool keep_with_next = false;  ///< headings: never at the bottom of a page
    bool bar = false;             ///< quotes: a line beside them
    bool panel = false;           ///< code: on a ground of its own
    bool rule = false;            ///< a thin line instead of text
    bool target = false;          ///< links of the contents lead here
    double height() const;
};

/// Breaks items into pages: at least two lines of a paragraph on each side of a break, headings
/// with what they head, pictures and rows whole.
class Flow {
public:
    Flow(Pages& pages, Structure& structure, Look const& look)
        : pages_(pages), structure_(structure), look_(look) {}

    /// Called when a page is full or ended, before it is closed: adds heads and numbers.
    using Furnish = std::function<void(Page& page)>;
    void set_furnish(Furnish furnish) { furnish_ = std::move(furnish); }

    /// Items become children of the element. Where a target went is told by take_target().
    Result<void> add(std::vector<Item> const& items, Element& parent);
    Result<void> new_page();
    Result<void> end_page();  ///< if one is begun
    std::optional<Target> take_target() { return std::exchange(target_, std::nullopt); }
    Page& page();
    double y() const { return y_; }
    void set_y(double y) { y_ = y; }
    bool has_page() const { return page_.has_value(); }

    void save(Encoder& state) const;
    Result<void> load(Decoder& state);

private:
    double room() const { return look_.paper.text_bottom() - y_; }
    bool at_top() const { return y_ <= look_.paper.top + 0.01; }
    Result<void> place(Item const& item, Element& parent);
    Result<void> place_lines(Item const& item, Element& element);
    void put_lines(Item const& item, std::size_t first, std::size_t end, Element& element);
    Result<void> place_figures(Item const& item, Element& parent);
    Result<void> place_row(Item const& item, Element& parent);
    void place_rule();
    Result<Element*> group_for(Item const& item, Element& parent);
    Result<void> close_group(Element& parent);

    Pages& pages_;
    Structure& structure_;
    Look const& look_;
    Furnish furnish_;
    std::optional<Page> page_;
    double y_ = 0;
    std::optional<Target> target_;
    std::optional<Element> group_;  ///< the list or table that consecutive items share
};

}  // namespace perdure::format::pdf
