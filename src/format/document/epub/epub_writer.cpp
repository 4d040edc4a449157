#include "format/document/epub/epub_writer.h"

#include "format/container/container.h"

namespace perdure::format {

namespace {

/// The parts of a book in a ZIP of their own. "mimetype" is its first entry, stored, without an
/// extra field: open_zip gives none to entries whose size is known.
class EpubWriter : public RecordWriter {
public:
    explicit EpubWriter(OutputTree& tree) : tree_(tree) {}

    Result<void> begin(ExportInfo const& info) override {
        PD_TRY(zip_, open_zip(tree_, name, {.modified = info.as_of}));
        book_ = open_book_parts(*zip_);
        return book_->begin(info);
    }
    Result<void> add(data::Record const& record, MediaLibrary& media,
                     std::stop_token stop) override {
        return book_->add(record, media, stop);
    }
    Result<FormatSummary> finish(std::stop_token stop) override {
        PD_TRY(auto summary, book_->finish(stop));
        PD_CHECK(zip_->finish());
        summary.files = 1;
        return summary;
    }
    Result<std::optional<Bytes>> checkpoint() override {
        PD_TRY(auto const book, book_->checkpoint());
        PD_TRY(auto const zip, zip_->checkpoint());
        Encoder out;
        out.bytes(*book);
        out.bytes(zip);
        return std::optional<Bytes>(out.take());
    }
    Result<void> resume(ExportInfo const& info, ByteView state) override {
        Decoder in(state);
        PD_TRY(auto const book, in.bytes(state.size()));
        PD_TRY(auto const zip, in.bytes(state.size()));
        PD_TRY(zip_, resume_zip(tree_, name, {.modified = info.as_of}, zip));
        book_ = open_book_parts(*zip_);
        return book_->resume(info, book);
    }

private:
    static constexpr auto name = "book.epub";
    OutputTree& tree_;
    std::unique_ptr<OutputTree> zip_;  // the book writes to it until it is gone
    std::unique_ptr<RecordWriter> book_;
};

}  // namespace

std::unique_ptr<RecordWriter> open_epub(OutputTree& tree) {
    return std::make_unique<EpubWriter>(tree);
}

}  // namespace perdure::format
