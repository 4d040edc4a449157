#include "format/document/pdf/pdf_writer.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/hash.h"
#include "format/document/dates.h"
#include "format/document/pdf/book.h"
#include "format/document/pdf/file/metadata.h"
#include "format/record/json_text.h"
#include "format/text.h"

namespace perdure::format {

namespace {

using namespace pdf;

constexpr std::size_t state_max = 1ULL << 30;

/// The records of one type as they are attached: a JSON array, one record a line.
struct Attachment {
    std::string type;
    std::unique_ptr<KeptSpool> spool;
    std::uint64_t records = 0;
};

class PdfWriter : public RecordWriter {
public:
    explicit PdfWriter(OutputTree& tree)
        : tree_(tree),
          objects_(tree),
          structure_(objects_),
          pages_(objects_, structure_),
          entries_(tree, "pdf-entries") {}

    Result<void> begin(ExportInfo const& info) override {
        PD_CHECK(prepare(info));
        PD_TRY(auto out, tree_.create(file_name(), file_options()));
        PD_CHECK(objects_.begin(std::move(out)));
        PD_CHECK(structure_.begin());
        return pages_.begin();
    }

    Result<void> add(data::Record const& record, MediaLibrary& media,
                     std::stop_token stop) override {
        if (attach_) PD_CHECK(attach(record));
        return book_->add(record, media, stop);
    }

    Result<FormatSummary> finish(std::stop_token stop) override;
    Result<std::optional<Bytes>> checkpoint() override;
    Result<void> resume(ExportInfo const& info, ByteView state) override;

private:
    Result<void> prepare(ExportInfo const& info);
    std::string file_name() const { return safe_name_ + ".pdf"; }
    FileOptions file_options() const { return {.modified = info_.as_of, .compressible = false}; }
    Result<void> attach(data::Record const& record);
    Result<std::vector<AttachedFile>> write_attachments();
    Shared shared() {
        return {info_, look_, objects_, structure_, pages_, fonts_, *typesetter_, tally_, entries_};
    }

    OutputTree& tree_;
    ExportInfo info_;
    std::string safe_name_ = "book";
    Look look_;
    Objects objects_;
    Structure structure_;
    Pages pages_;
    FontBook fonts_;
    Tally tally_;
    KeptSpool entries_;
    std::unique_ptr<Typesetter> typesetter_;
    std::unique_ptr<Book> book_;
    bool attach_ = true;
    std::vector<Attachment> attachments_;
    std::string line_;
    JsonRecords json_;
};

Result<void> PdfWriter::prepare(ExportInfo const& info) {
    info_ = info;
    safe_name_ = safe_file_name(info.title.empty() ? info.source : info.title);
    PD_TRY(look_, look_of(info.options));
    auto const wanted = info.options.find("attach");
    if (wanted != info.options.end() && wanted->second != "yes" && wanted->second != "no") {
        return fail(Fault::invalid, fmt::format("attach = \"{}\"", wanted->second))
            .with_fix("write yes or no");
    }
    attach_ = wanted == info.options.end() || wanted->second == "yes";
    PD_TRY(typesetter_, Typesetter::create(fonts_));
    book_ = std::make_unique<Book>(shared());
    return {};
}

Result<void> PdfWriter::attach(data::Record const& record) {
    if (attachments_.empty() || attachments_.back().type != record.type) {
        auto const name = fmt::format("pdf-data-{}", attachments_.size());
        attachments_.push_back(
            {std::string(record.type), std::make_unique<KeptSpool>(tree_, name), 0});
    }
    auto& attachment = attachments_.back();
    line_ = attachment.records++ == 0 ? "[\n" : ",\n";
    json_.append(line_, record);
    return attachment.spool->append(line_);
}

Result<std::vector<AttachedFile>> PdfWriter::write_attachments() {
    std::vector<AttachedFile> files;
    for (auto& attachment : attachments_) {
        PD_CHECK(attachment.spool->append("\n]\n"));
        AttachedFile file{
            .name = safe_file_name(attachment.type) + ".json",
            .description = fmt::format("Every column of {}",
                                       counted(attachment.records, "record", "records"))};
        file.stream = objects_.reserve();
        PD_CHECK(objects_.put_spool(
            file.stream,
            fmt::format(
                "/Type/EmbeddedFile/Subtype/application#2Fjson/Params<</Size {}/ModDate{}>>",
                attachment.spool->size_bytes(), date_string(info_.as_of)),
            *attachment.spool));
        files.push_back(std::move(file));
    }
    return files;
}

Result<FormatSummary> PdfWriter::finish(std::stop_token) {
    PD_CHECK(book_->end());
    PD_TRY(auto const contents, write_front(shared(), book_->entries(), book_->chapters()));
    Catalog catalog{.info = info_};
    PD_TRY(catalog.outline, write_outline(shared(), book_->entries(), book_->chapters(), contents));
    PD_TRY(catalog.files, write_attachments());
    PD_TRY(auto const fonts, fonts_.embed(objects_));
    PD_CHECK(pages_.finish(fonts));
    PD_CHECK(structure_.finish());
    catalog.pages = pages_.root();
    catalog.structure = structure_.root();
    catalog.front_pages = pages_.front_count();
    catalog.records = tally_.summary().records;
    PD_TRY(auto const trailer, write_catalog(objects_, catalog));
    PD_CHECK(objects_.finish(trailer));
    auto& summary = tally_.summary();
    summary.files = 1;
    summary.bytes = objects_.size_bytes();
    return tally_.take();
}

Result<std::optional<Bytes>> PdfWriter::checkpoint() {
    Encoder state;
    PD_CHECK(objects_.save(state));
    structure_.save(state);
    pages_.save(state);
    fonts_.save(state);
    tally_.encode(state);
    book_->save(state);
    PD_CHECK(entries_.flush());
    state.u64(entries_.size_bytes());
    state.varint(attachments_.size());
    for (auto& attachment : attachments_) {
        PD_CHECK(attachment.spool->flush());
        state.text(attachment.type);
        state.u64(attachment.records);
        state.u64(attachment.spool->size_bytes());
    }
    return std::optional<Bytes>(state.take());
}

Result<void> PdfWriter::resume(ExportInfo const& info, ByteView bytes) {
    PD_CHECK(prepare(info));
    Decoder state(bytes);
    PD_TRY(auto out, tree_.reopen(file_name()));
    PD_CHECK(objects_.load(state, std::move(out)));
    PD_CHECK(structure_.load(state));
    PD_CHECK(pages_.load(state));
    PD_CHECK(fonts_.load(state));
    PD_CHECK(tally_.decode(state));
    PD_CHECK(book_->load(state));
    PD_TRY(auto const entries, state.u64());
    PD_CHECK(entries_.resume(entries));
    PD_TRY(auto const count, state.varint());
    for (std::uint64_t i = 0; i < count; ++i) {
        Attachment attachment;
        PD_TRY(attachment.type, state.text(state_max));
        PD_TRY(attachment.records, state.u64());
        PD_TRY(auto const size, state.u64());
        attachment.spool = std::make_unique<KeptSpool>(tree_, fmt::format("pdf-data-{}", i));
        PD_CHECK(attachment.spool->resume(size));
        attachments_.push_back(std::move(attachment));
    }
    return state.expect_end();
}

}  // namespace

std::unique_ptr<RecordWriter> open_pdf(OutputTree& tree) {
    return std::make_unique<PdfWriter>(tree);
}

}  // namespace perdure::format
