#include "format/document/pdf/page.h"

#include <fmt/format.h>

namespace perdure::format::pdf {

namespace {

constexpr unsigned pages_a_group = 48;
constexpr std::size_t text_max = 1ULL << 30;

void append_colour(std::string& out, Colour colour) {
    out += fmt::format("{} {} {} rg ", real(colour.red), real(colour.green), real(colour.blue));
}

std::string rectangle(Box const& box, double sheet_height) {
    return fmt::format("[{} {} {} {}]", real(box.x), real(sheet_height - box.y - box.height),
                       real(box.x + box.width), real(sheet_height - box.y));
}

/// A string in parentheses: addresses are ASCII by then.
std::string literal(std::string_view text) {
    std::string out = "(";
    for (char const c : text) {
        if (c == '(' || c == ')' || c == '\\') out += '\\';
        if (static_cast<unsigned char>(c) >= 0x20) out += c;
    }
    return out + ")";
}

}  // namespace

void Page::fill(Box const& box, Colour colour, double sheet_height) {
    content += "q ";
    append_colour(content, colour);
    content +=
        fmt::format("{} {} {} {} re f Q\n", real(box.x), real(sheet_height - box.y - box.height),
                    real(box.width), real(box.height));
}

void Page::put(Line const& line, double x, double top, double sheet_height) {
    double const base = top + line.baseline;
    if (!line.operators.empty()) {
        content += fmt::format("BT 1 0 0 1 {} {} Tm\n", real(x), real(sheet_height - base));
        content += line.operators;
        content += "ET\n";
    }
    for (auto const& stroke : line.strokes) {
        fill({x + stroke.x, base - stroke.y, stroke.width, stroke.thickness}, stroke.colour,
             sheet_height);
    }
    for (auto const& link : line.links) {
        link_outside({x + link.x, top, link.width, line.height}, link.address, sheet_height);
    }
}

void Page::put_picture(Number picture, Box const& box, double sheet_height) {
    pictures += fmt::format("/I{} {} 0 R", picture, picture);
    content += fmt::format("q {} 0 0 {} {} {} cm /I{} Do Q\n", real(box.width), real(box.height),
                           real(box.x), real(sheet_height - box.y - box.height), picture);
}

void Page::link_outside(Box const& box, std::string_view address, double sheet_height) {
    annotations += fmt::format(
        "<</Type/Annot/Subtype/Link/Border[0 0 0]/F 4/Rect{}/A<</S/URI/URI{}>>/Contents{}>>",
        rectangle(box, sheet_height), literal(address), text_string(address));
}

void Page::link_inside(Box const& box, Target const& target, double sheet_height) {
    annotations += fmt::format(
        "<</Type/Annot/Subtype/Link/Border[0 0 0]/F 4/Rect{}/Dest[{} 0 R/XYZ null {} null]>>",
        rectangle(box, sheet_height), target.page, real(sheet_height - target.y));
}

void Page::begin_mark(Element& element) {
    auto const mcid = static_cast<unsigned>(owners.size());
    owners.push_back(element.number);
    Structure::add_content(element, number, mcid);
    // Links and spans within are marked inside; the outer tag tells what this is.
    content += fmt::format("/{}<</MCID {}>>BDC\n", element.tag, mcid);
}

void Page::begin_artifact() {
    content += "/Artifact BMC\n";
}

void Page::end_mark() {
    content += "EMC\n";
}

Result<void> Pages::begin() {
    root_ = objects_.reserve();
    fonts_ = objects_.reserve();
    return {};
}

Result<void> Pages::close(Page const& page, Paper const& paper) {
    if (group_count_ == 0) group_ = objects_.reserve();
    PD_TRY(Number const content, objects_.add_stream("", as_bytes(page.content)));
    auto const index = count_ + front_count_;
    auto body = fmt::format(
        "<</Type/Page/Parent {} 0 R/MediaBox[0 0 {} {}]/Contents {} 0 R/Resources<</Font {} 0 R",
        group_, real(paper.width), real(paper.height), content, fonts_);
    if (!page.pictures.empty()) body += fmt::format("/XObject<<{}>>", page.pictures);
    body += fmt::format(">>/StructParents {}/Tabs/S", index);
    if (!page.annotations.empty()) body += fmt::format("/Annots[{}]", page.annotations);
    PD_CHECK(objects_.put(page.number, body + ">>"));
    PD_CHECK(structure_.add_page(index, page.owners));
    group_kids_ += fmt::format("{} 0 R ", page.number);
    ++(front_ ? front_count_ : count_);
    if (++group_count_ < pages_a_group) return {};
    return flush_group();
}

Result<void> Pages::flush_group() {
    if (group_count_ == 0) return {};
    PD_CHECK(objects_.put(group_, fmt::format("<</Type/Pages/Parent {} 0 R/Count {}/Kids[{}]>>",
                                              root_, group_count_, group_kids_)));
    (front_ ? front_kids_ : kids_) += fmt::format("{} 0 R ", group_);
    group_kids_.clear();
    group_count_ = 0;
    return {};
}

Result<void> Pages::begin_front() {
    PD_CHECK(flush_group());
    front_ = true;
    return {};
}

Result<void> Pages::finish(std::string const& fonts) {
    PD_CHECK(flush_group());
    PD_CHECK(objects_.put(fonts_, "<<" + fonts + ">>"));
    return objects_.put(root_, fmt::format("<</Type/Pages/Count {}/Kids[{}{}]>>",
                                           count_ + front_count_, front_kids_, kids_));
}

void Pages::save(Encoder& state) const {
    for (auto const number : {root_, fonts_, group_, Number{group_count_}, Number{count_}}) {
        state.u32(number);
    }
    state.text(group_kids_);
    state.text(kids_);
}

Result<void> Pages::load(Decoder& state) {
    PD_TRY(root_, state.u32());
    PD_TRY(fonts_, state.u32());
    PD_TRY(group_, state.u32());
    PD_TRY(group_count_, state.u32());
    PD_TRY(count_, state.u32());
    PD_TRY(group_kids_, state.text(text_max));
    PD_TRY(kids_, state.text(text_max));
    return {};
}

void save_page(Encoder& state, Page const& page) {
    state.u32(page.number);
    state.text(page.content);
    state.text(page.annotations);
    state.text(page.pictures);
    state.varint(page.owners.size());
    for (auto const owner : page.owners) state.u32(owner);
}

Result<Page> load_page(Decoder& state) {
    Page page;
    PD_TRY(page.number, state.u32());
    PD_TRY(page.content, state.text(text_max));
    PD_TRY(page.annotations, state.text(text_max));
    PD_TRY(page.pictures, state.text(text_max));
    PD_TRY(auto const count, state.varint());
    for (std::uint64_t i = 0; i < count; ++i) {
        PD_TRY(Number const owner, state.u32());
        page.owners.push_back(owner);
    }
    return page;
}

}  // namespace perdure::format::pdf
