#include "format/document/pdf/flow.h"

#include <algorithm>
#include <cstring>

namespace perdure::format::pdf {

namespace {

constexpr double caption_gap = 4, figure_gap = 10, cell_padding = 4, panel_padding = 7;

double height_of(std::vector<Line> const& lines) {
    double sum = 0;
    for (auto const& line : lines) sum += line.height;
    return sum;
}

/// What must fit below the item before it: two lines, or all of it.
double least_height(Item const& item) {
    if (item.lines.size() <= 3 || !item.figures.empty() || !item.cells.empty()) {
        return item.height();
    }
    return item.lines[0].height + item.lines[1].height;
}

}  // namespace

double Item::height() const {
    if (rule) return 1;
    double most = 0;
    for (auto const& figure : figures) {
        most = std::max(most, figure.height + caption_gap + height_of(figure.caption));
    }
    for (auto const& cell : cells) most = std::max(most, height_of(cell) + 2 * cell_padding);
    return most + height_of(lines) + (panel ? 2 * panel_padding : 0);
}

Page& Flow::page() {
    PD_ASSERT(page_);
    return *page_;
}

Result<void> Flow::end_page() {
    if (!page_) return {};
    if (furnish_) furnish_(*page_);
    auto const page = *std::exchange(page_, std::nullopt);
    return pages_.close(page, look_.paper);
}

Result<void> Flow::new_page() {
    PD_CHECK(end_page());
    page_ = pages_.open();
    y_ = look_.paper.top;
    return {};
}

Result<void> Flow::add(std::vector<Item> const& items, Element& parent) {
    if (!page_) PD_CHECK(new_page());
    for (std::size_t i = 0; i < items.size();) {
        // Headings and the first lines of what they head go together.
        auto last = i;
        double needed = items[i].before;
        while (items[last].keep_with_next && last + 1 < items.size()) {
            needed += items[last].height() + items[last + 1].before;
            ++last;
        }
        needed += least_height(items[last]);
        if (needed > room() && !at_top()) PD_CHECK(new_page());
        for (; i <= last; ++i) {
            if (!at_top()) y_ += items[i].before;
            PD_CHECK(place(items[i], parent));
        }
    }
    return close_group(parent);
}

Result<void> Flow::close_group(Element& parent) {
    if (!group_) return {};
    auto const group = *std::exchange(group_, std::nullopt);
    Structure::add_kid(parent, group.number);
    return structure_.close(group);
}

/// List items stand in an L, rows in a Table; consecutive ones share it.
Result<Element*> Flow::group_for(Item const& item, Element& parent) {
    std::string const wanted = item.tag == "LI" ? "L" : item.tag == "TR" ? "Table" : "";
    if (group_ && group_->tag != wanted) PD_CHECK(close_group(parent));
    if (wanted.empty()) return &parent;
    if (!group_) group_ = structure_.open(parent.number, wanted);
    return &*group_;
}

Result<void> Flow::place(Item const& item, Element& parent) {
    PD_TRY(auto* const owner, group_for(item, parent));
    if (item.target) {
        target_ = Target{page_->number, std::max(y_ - 14, 0.0), pages_.count() + 1};
    }
    if (item.rule) {
        place_rule();
        return {};
    }
    if (!item.figures.empty()) return place_figures(item, *owner);
    if (!item.cells.empty()) return place_row(item, *owner);
    auto element = structure_.open(owner->number, item.tag);
    if (item.tag == "LI") {
        auto body = structure_.open(element.number, "LBody");
        PD_CHECK(place_lines(item, body));
        Structure::add_kid(element, body.number);
        PD_CHECK(structure_.close(body));
    } else {
        PD_CHECK(place_lines(item, element));
    }
    Structure::add_kid(*owner, element.number);
    return structure_.close(element);
}

void Flow::place_rule() {
    page_->begin_artifact();
    double const width = look_.paper.text_width() * 0.18;
    page_->fill({look_.paper.left + (look_.paper.text_width() - width) / 2, y_, width, 0.6},
                look_.faint, look_.paper.height);
    page_->end_mark();
    y_ += 1;
}

Result<void> Flow::place_lines(Item const& item, Element& element) {
    std::size_t at = 0;
    double const padding = item.panel ? 2 * panel_padding : 0;
    while (at < item.lines.size()) {
        std::size_t end = at;
        double height = padding;
        while (end < item.lines.size() && height + item.lines[end].height <= room() + 0.01) {
            height += item.lines[end++].height;
        }
        auto const left = item.lines.size() - end;
        // A widow takes a second line along; an orphan goes over with the rest.
        if (left == 1 && end - at >= 3) --end;
        bool const orphan = left > 0 && end - at < 2;
        if (end == at || (orphan && !at_top())) {
            // A line higher than a page still has to go somewhere.
            if (at_top())
                end = std::max(end, at + 1);
            else {
                PD_CHECK(new_page());
                continue;
            }
        }
        put_lines(item, at, end, element);
        at = end;
        if (at < item.lines.size()) PD_CHECK(new_page());
    }
    return {};
}

void Flow::put_lines(Item const& item, std::size_t first, std::size_t end, Element& element) {
    auto const& paper = look_.paper;
    double height = 0;
    for (auto i = first; i < end; ++i) height += item.lines[i].height;
    if (item.panel || item.bar) {
        page_->begin_artifact();
        if (item.panel) {
            page_->fill({paper.left, y_, paper.text_width(), height + 2 * panel_padding},
                        look_.panel, paper.height);
        } else {
            page_->fill({paper.left + item.indent - 12, y_ + 2, 1.6, height - 4}, look_.faint,
                        paper.height);
        }
        page_->end_mark();
    }
    if (item.panel) y_ += panel_padding;
    page_->begin_mark(element);
    if (item.marker && first == 0) {
        auto const& marker = *item.marker;
        double const shift = item.lines[0].baseline - marker.baseline;
        page_->put(marker, paper.left + item.indent - marker.width - 6, y_ + shift, paper.height);
    }
    for (auto i = first; i < end; ++i) {
        page_->put(item.lines[i], paper.left + item.indent, y_, paper.height);
        y_ += item.lines[i].height;
    }
    page_->end_mark();
    if (item.panel) y_ += panel_padding;
}

Result<void> Flow::place_figures(Item const& item, Element& parent) {
    auto const& paper = look_.paper;
    double total = figure_gap * static_cast<double>(item.figures.size() - 1);
    for (auto const& figure : item.figures) total += figure.width;
    double x = paper.left + (paper.text_width() - total) / 2;
    for (auto const& figure : item.figures) {
        auto element = structure_.open(parent.number, "Figure");
        element.alt = figure.alt;
        page_->begin_mark(element);
        page_->put_picture(figure.picture, {x, y_, figure.width, figure.height}, paper.height);
        page_->end_mark();
        Structure::add_kid(parent, element.number);
        PD_CHECK(structure_.close(element));
        if (!figure.caption.empty()) {
            auto caption = structure_.open(parent.number, "Caption");
            page_->begin_mark(caption);
            double y = y_ + figure.height + caption_gap;
            for (auto const& line : figure.caption) {
                page_->put(line, x, y, paper.height);
                y += line.height;
            }
            page_->end_mark();
            Structure::add_kid(parent, caption.number);
            PD_CHECK(structure_.close(caption));
        }
        x += figure.width + figure_gap;
    }
    y_ += item.height();
    return {};
}

Result<void> Flow::place_row(Item const& item, Element& parent) {
    auto const& paper = look_.paper;
    auto row = structure_.open(parent.number, "TR");
    double const height = item.height();
    double const column = paper.text_width() / static_cast<double>(item.cells.size());
    page_->begin_artifact();
    if (item.header) {
        page_->fill({paper.left, y_, paper.text_width(), height}, look_.panel, paper.height);
    }
    page_->fill({paper.left, y_ + height - 0.4, paper.text_width(), 0.4}, look_.faint,
                paper.height);
    page_->end_mark();
    double x = paper.left + cell_padding;
    for (std::size_t i = 0; i < item.cells.size(); ++i) {
        auto const& cell = item.cells[i];
        auto element = structure_.open(row.number, item.header ? "TH" : "TD");
        page_->begin_mark(element);
        double y = y_ + cell_padding;
        for (auto const& line : cell) {
            page_->put(line, x, y, paper.height);
            y += line.height;
        }
        page_->end_mark();
        Structure::add_kid(row, element.number);
        PD_CHECK(structure_.close(element));
        x += item.shares.empty() ? column : item.shares[i] * paper.text_width();
    }
    Structure::add_kid(parent, row.number);
    PD_CHECK(structure_.close(row));
    y_ += height;
    return {};
}

void Flow::save(Encoder& state) const {
    PD_ASSERT(!group_ && !target_);  // between two records
    state.u8(page_ ? 1 : 0);
    if (page_) save_page(state, *page_);
    std::uint64_t bits = 0;
    static_assert(sizeof bits == sizeof y_);
    std::memcpy(&bits, &y_, sizeof bits);
    state.u64(bits);
}

Result<void> Flow::load(Decoder& state) {
    PD_TRY(auto const has_page, state.u8());
    if (has_page != 0) {
        PD_TRY(page_, load_page(state));
    }
    PD_TRY(std::uint64_t const bits, state.u64());
    std::memcpy(&y_, &bits, sizeof bits);
    return {};
}

}  // namespace perdure::format::pdf
