#pragma once

#include <set>

#include "format/document/kept_spool.h"
#include "format/document/pdf/flow.h"
#include "format/document/pdf/record_items.h"
#include "format/format.h"
#include "format/tally.h"

namespace perdure::format::pdf {

/// A line of the contents and of the outline.
struct Entry {
    unsigned level = 1;  ///< 1 chapter, 2 record
    std::string title;
    Target target;
};
Bytes encode_entry(Entry const& entry);
Result<Entry> decode_entry(ByteView frame);

/// Everything that the parts of a book share while it is written.
struct Shared {
    ExportInfo const& info;
    Look const& look;
    Objects& objects;
    Structure& structure;
    Pages& pages;
    FontBook& fonts;
    Typesetter& typesetter;
    Tally& tally;
    KeptSpool& entries;  ///< frames of Entry, in the order of the pages
};

/// The chapters: records flow in, pages flow out.
class Book {
public:
    explicit Book(Shared shared);
    Result<void> add(data::Record const& record, MediaLibrary& media, std::stop_token stop);
    Result<void> end();
    std::uint64_t entries() const { return entry_count_; }
    std::uint64_t chapters() const { return chapter_count_; }

    void save(Encoder& state) const;
    Result<void> load(Decoder& state);

private:
    Result<void> choose_chapter(RecordView const& view);
    Result<void> begin_chapter(std::string const& title, std::string const& above);
    Result<void> end_chapter();
    Result<void> note_entry(unsigned level, std::string const& title);
    void furnish(Page& page);
    std::string chapter_title(RecordView const& view) const;
    std::string kicker(RecordView const& view) const;

    Shared shared_;
    Flow flow_;
    std::optional<Element> chapter_;
    std::string chapter_key_, type_, head_;
    std::set<std::string> seen_;  ///< digests of chapters
    bool mixed_ = false;          ///< collections come back: no chapters from here on
    Number opening_page_ = 0;
    std::uint64_t entry_count_ = 0, chapter_count_ = 0;
};

/// Cover and contents, on pages before all others. Returns where the contents begin.
Result<Target> write_front(Shared shared, std::uint64_t entries, std::uint64_t chapters);
/// The number of the outline's root.
Result<Number> write_outline(Shared const& shared, std::uint64_t entries, std::uint64_t chapters,
                             Target contents);

}  // namespace perdure::format::pdf
