#pragma once

#include <set>
#include <string>

#include "format/document/kept_spool.h"
#include "format/document/put_file.h"
#include "format/format.h"

namespace perdure::format {

/// A line of the table of contents.
struct TocEntry {
    unsigned level = 1;  ///< 1 part, 2 chapter, 3 record
    std::string address, title;
};

struct BookFacts {
    std::string title, subtitle, description, identifier;
    std::set<std::string> languages;  ///< BCP 47, beside English
    bool has_pictures = false;
    bool has_index = false;
    std::uint64_t records = 0;
    std::string first_text;  ///< address of the first file of the text
};

/// What a book says about itself: files in reading order, table of contents, metadata (EPUB 3.3).
/// Lists that grow with the book lie in spools. Threads: one.
class BookPackage {
public:
    BookPackage(OutputTree& tree, Tally& tally, Timestamp modified);
    /// "mimetype" and container.xml, which come first.
    Result<void> begin();
    /// A file of the text, in reading order; `address` below "EPUB/".
    Result<void> add_text(std::string const& address, std::string_view markup);
    /// A file that the text shows; it was written already.
    Result<void> note_resource(std::string const& address, std::string_view media_type);
    Result<void> add_to_contents(TocEntry const& entry);
    /// Contents and package file. After it nothing is added.
    Result<void> finish(ExportInfo const& info, BookFacts const& facts);

    Result<void> save(Encoder& out);
    Result<void> load(Decoder& in);

private:
    Result<void> put(std::string const& name, std::string_view text);
    Result<void> put_contents(BookFacts const& facts);
    Result<void> put_package(ExportInfo const& info, BookFacts const& facts);

    OutputTree& tree_;
    Tally& tally_;
    Timestamp modified_;
    KeptSpool manifest_, spine_, contents_;
    std::uint64_t items_ = 0;
};

}  // namespace perdure::format
