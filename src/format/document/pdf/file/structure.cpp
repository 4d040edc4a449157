#include "format/document/pdf/file/structure.h"

#include <fmt/format.h>

namespace perdure::format::pdf {

namespace {

constexpr unsigned pages_a_leaf = 64;
constexpr std::size_t text_max = 1ULL << 30;

}  // namespace

Result<void> Structure::begin() {
    root_ = objects_.reserve();
    document_ = {.number = objects_.reserve(), .parent = root_, .tag = "Document"};
    return {};
}

Element Structure::open(Number parent, std::string tag) {
    return {.number = objects_.reserve(), .parent = parent, .tag = std::move(tag)};
}

void Structure::add_content(Element& element, Number page, unsigned mcid) {
    element.kids += fmt::format("<</Type/MCR/Pg {} 0 R/MCID {}>>", page, mcid);
}

void Structure::add_kid(Element& element, Number kid) {
    element.kids += fmt::format("{} 0 R ", kid);
}

Result<void> Structure::close(Element const& element) {
    auto body = fmt::format("<</Type/StructElem/S/{}/P {} 0 R", element.tag, element.parent);
    if (!element.alt.empty()) body += "/Alt" + text_string(element.alt);
    if (element.tag == "TH") body += "/A<</O/Table/Scope/Column>>";
    if (!element.kids.empty()) body += fmt::format("/K[{}]", element.kids);
    return objects_.put(element.number, body + ">>");
}

Result<void> Structure::add_page(unsigned index, std::vector<Number> const& owners) {
    std::string array = "[";
    for (auto const owner : owners) array += fmt::format("{} 0 R ", owner);
    PD_TRY(Number const number, objects_.add(array + "]"));
    if (leaf_count_ == 0) leaf_first_ = index;
    leaf_last_ = index;
    leaf_ += fmt::format("{} {} 0 R ", index, number);
    if (++leaf_count_ < pages_a_leaf) return {};
    return flush_leaf();
}

Result<void> Structure::flush_leaf() {
    if (leaf_count_ == 0) return {};
    PD_TRY(Number const leaf, objects_.add(fmt::format("<</Limits[{} {}]/Nums[{}]>>", leaf_first_,
                                                       leaf_last_, leaf_)));
    leaves_ += fmt::format("{} 0 R ", leaf);
    leaf_.clear();
    leaf_count_ = 0;
    return {};
}

Result<void> Structure::finish() {
    PD_CHECK(flush_leaf());
    PD_TRY(Number const tree, objects_.add(fmt::format("<</Kids[{}]>>", leaves_)));
    PD_CHECK(close(document_));
    return objects_.put(root_, fmt::format("<</Type/StructTreeRoot/K[{} 0 R]/ParentTree {} 0 R>>",
                                           document_.number, tree));
}

void save_element(Encoder& state, Element const& element) {
    state.u32(element.number);
    state.u32(element.parent);
    state.text(element.tag);
    state.text(element.alt);
    state.text(element.kids);
}

Result<Element> load_element(Decoder& state) {
    Element element;
    PD_TRY(element.number, state.u32());
    PD_TRY(element.parent, state.u32());
    PD_TRY(element.tag, state.text(100));
    PD_TRY(element.alt, state.text(text_max));
    PD_TRY(element.kids, state.text(text_max));
    return element;
}

void Structure::save(Encoder& state) const {
    state.u32(root_);
    save_element(state, document_);
    state.text(leaf_);
    state.u32(leaf_first_);
    state.u32(leaf_last_);
    state.u32(leaf_count_);
    state.text(leaves_);
}

Result<void> Structure::load(Decoder& state) {
    PD_TRY(root_, state.u32());
    PD_TRY(document_, load_element(state));
    PD_TRY(leaf_, state.text(text_max));
    PD_TRY(leaf_first_, state.u32());
    PD_TRY(leaf_last_, state.u32());
    PD_TRY(leaf_count_, state.u32());
    PD_TRY(leaves_, state.text(text_max));
    return {};
}

}  // namespace perdure::format::pdf
