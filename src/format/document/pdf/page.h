#pragma once

#include <string>
#include <vector>

#include "format/document/pdf/file/structure.h"
#include "format/document/pdf/look.h"

namespace perdure::format::pdf {

/// A place in the document that links lead to.
struct Target {
    Number page = 0;
    double y = 0;          ///< from the top of the sheet
    unsigned printed = 0;  ///< the number on that page
};

/// One sheet being filled. Coordinates are points from its top left corner.
struct Page {
    Number number = 0;
    std::string content, annotations, pictures;
    std::vector<Number> owners;  ///< by MCID, the structure element

    void put(Line const& line, double x, double top, double sheet_height);
    void fill(Box const& box, Colour colour, double sheet_height);
    void put_picture(Number picture, Box const& box, double sheet_height);
    void link_outside(Box const& box, std::string_view address, double sheet_height);
    void link_inside(Box const& box, Target const& target, double sheet_height);
    /// What follows belongs to the element, until end_mark().
    void begin_mark(Element& element);
    void begin_artifact();  ///< running heads and the like: no part of the text
    void end_mark();
};

/// All pages: their objects, and the tree that lists them.
class Pages {
public:
    Pages(Objects& objects, Structure& structure) : objects_(objects), structure_(structure) {}
    Result<void> begin();
    Page open() { return {.number = objects_.reserve()}; }
    Result<void> close(Page const& page, Paper const& paper);
    /// Pages closed from now on stand before all others.
    Result<void> begin_front();
    Result<void> finish(std::string const& fonts);
    Number root() const { return root_; }
    unsigned count() const { return count_; }
    unsigned front_count() const { return front_count_; }

    void save(Encoder& state) const;
    Result<void> load(Decoder& state);

private:
    Result<void> flush_group();
    Objects& objects_;
    Structure& structure_;
    Number root_ = 0, fonts_ = 0, group_ = 0;
    std::string group_kids_, kids_, front_kids_;
    unsigned group_count_ = 0, count_ = 0, front_count_ = 0;
    bool front_ = false;
};

void save_page(Encoder& state, Page const& page);
Result<Page> load_page(Decoder& state);

}  // namespace perdure::format::pdf
