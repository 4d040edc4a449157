#pragma once

#include <string>
#include <vector>

#include "format/document/pdf/file/objects.h"

namespace perdure::format::pdf {

/// One element of the logical structure (ISO 32000-1 §14.7) that is not written yet.
struct Element {
    Number number = 0, parent = 0;
    std::string tag;   ///< "P", "H2", "Sect"
    std::string alt;   ///< of a Figure, UTF-8
    std::string kids;  ///< what stands in /K
};

/// The tree of elements, and the way from marked content on pages to them. Elements are written
/// when they end; only open ones are kept.
class Structure {
public:
    explicit Structure(Objects& objects) : objects_(objects) {}
    Result<void> begin();

    Element open(Number parent, std::string tag);
    /// Marked content `mcid` of a page belongs to the element.
    static void add_content(Element& element, Number page, unsigned mcid);
    static void add_kid(Element& element, Number kid);
    Result<void> close(Element const& element);

    Number root() const { return root_; }
    Number document() const { return document_.number; }
    void add_to_document(Number kid) { add_kid(document_, kid); }
    /// What the marked contents of the page with this index belong to, in order of their ids.
    Result<void> add_page(unsigned index, std::vector<Number> const& owners);
    Result<void> finish();

    void save(Encoder& state) const;
    Result<void> load(Decoder& state);

private:
    Result<void> flush_leaf();
    Objects& objects_;
    Number root_ = 0;
    Element document_;
    std::string leaf_;
    unsigned leaf_first_ = 0, leaf_last_ = 0, leaf_count_ = 0;
    std::string leaves_;
};

void save_element(Encoder& state, Element const& element);
Result<Element> load_element(Decoder& state);

}  // namespace perdure::format::pdf
