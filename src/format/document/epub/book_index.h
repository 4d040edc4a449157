#pragma once

#include "format/document/epub/book_package.h"
#include "format/document/record_view.h"

namespace perdure::format {

/// The index at the end: under each tag the records that carry it. Threads: one.
class BookIndex {
public:
    explicit BookIndex(OutputTree& tree) : sorted_(tree, "book-index") {}
    /// `address` leads to the record, below "EPUB/".
    Result<void> add(RecordView const& view, std::string const& address);
    /// index-1.xhtml and on; nothing without tags. True when there is an index.
    Result<bool> write(BookPackage& package, std::stop_token stop);

    Result<void> save(Encoder& out) { return sorted_.save(out); }
    Result<void> load(Decoder& in) { return sorted_.load(in); }

private:
    SortedSpool sorted_;
};

}  // namespace perdure::format
