#include <embedded.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "crypto/hash.h"
#include "format/document/dates.h"
#include "format/document/epub/book_article.h"
#include "format/document/epub/book_index.h"
#include "format/document/epub/book_text.h"
#include "format/document/epub/cover.h"
#include "format/document/epub/epub_writer.h"

namespace perdure::format {

namespace {

constexpr std::size_t new_file_bytes = 48 << 10;  // a chapter begins a new file from here on
constexpr std::size_t state_text_max = 64 << 20;
constexpr std::size_t omissions_shown = 200;
constexpr std::size_t anchors_max = 4096;

class BookWriter : public RecordWriter {
public:
    explicit BookWriter(OutputTree& tree) : tree_(tree), index_(tree) {}

    Result<void> begin(ExportInfo const& info) override {
        prepare(info);
        PD_CHECK(package_->begin());
        return put_file(tree_, tally_, "EPUB/book.css", embedded::book_css,
                        {.modified = info.as_of});
    }
    Result<void> add(data::Record const& record, MediaLibrary& media,
                     std::stop_token stop) override;
    Result<FormatSummary> finish(std::stop_token stop) override;
    Result<std::optional<Bytes>> checkpoint() override;
    Result<void> resume(ExportInfo const& info, ByteView state) override;

private:
    void prepare(ExportInfo const& info) {
        info_ = info;
        title_ = page_text(info.title);
        if (title_.empty()) title_ = "Records";
        package_.emplace(tree_, tally_, info.as_of);
    }
    data::RecordType const* type_of(std::string_view name) const;
    Result<void> open_chapter(RecordView const& view, data::RecordType const* type);
    Result<void> begin_chapter(std::string const& chapter);
    Result<void> turn_file();
    Result<void> append(std::string const& block);
    Result<void> put_text();
    Result<void> note_resources(std::vector<ShownMedia> const& media);
    Result<void> put_front(BookFacts const& facts);
    Result<void> put_back();
    SafeBody body_of(data::Record const& record, RecordView const& view,
                     std::vector<ShownMedia> const& media) const;
    void report(data::Record const& record, RecordView const& view, SafeBody const& body,
                std::vector<ShownMedia> const& media);
    std::string address() const { return fmt::format("text/t{:05}.xhtml", files_ + 1); }
    BookFacts facts();

    OutputTree& tree_;
    ExportInfo info_;
    Tally tally_;
    std::optional<BookPackage> package_;
    BookIndex index_;
    std::string title_, text_, type_, chapter_;
    std::set<std::string> anchors_, languages_;
    std::uint64_t files_ = 0, chapters_ = 0;
    bool in_chapter_ = false, in_record_ = false, has_pictures_ = false;
    int year_first_ = 10'000, year_last_ = -1;
};

data::RecordType const* BookWriter::type_of(std::string_view name) const {
    auto const found = std::ranges::find(info_.types, name, &data::RecordType::type);
    return found == info_.types.end() ? nullptr : &*found;
}

std::string chapter_of(RecordView const& view, data::RecordType const* type) {
    if (type && type->roles.contains("collection")) {
        return view.collection.empty() ? "Uncollected" : view.collection;
    }
    if (type && type->roles.contains("created")) {
        return view.created ? spoken_month(month_of(*view.created)) : "Undated";
    }
    return view.type;
}

/// Ends what is open in the file, and the file.
Result<void> BookWriter::put_text() {
    if (text_.empty()) return {};
    if (in_record_) text_ += "</article>\n";
    if (in_chapter_) text_ += "</section>\n";
    auto const where = address();
    ++files_;
    auto const page = book_page(chapter_.empty() ? title_ : shortened(chapter_, 200), "../book.css",
                                "bodymatter", text_);
    text_.clear();
    anchors_.clear();
    return package_->add_text(where, page);
}

/// Ends the file; the chapter and the open record go on in the next.
Result<void> BookWriter::turn_file() {
    PD_CHECK(put_text());
    text_ += fmt::format(
        "<section class=\"chapter\">\n<h1 class=\"continued\" dir=\"auto\">{}, continued</h1>\n",
        escaped(shortened(chapter_, 300)));
    if (in_record_) text_ += "<article class=\"record\">\n";
    return {};
}

Result<void> BookWriter::append(std::string const& block) {
    if (text_.size() + block.size() > file_bytes_max) PD_CHECK(turn_file());
    text_ += block;
    return {};
}

Result<void> BookWriter::begin_chapter(std::string const& chapter) {
    if (in_chapter_) text_ += "</section>\n";
    in_chapter_ = false;
    if (text_.size() > new_file_bytes) PD_CHECK(put_text());
    chapter_ = chapter;
    ++chapters_;
    auto const shown = shortened(chapter, 300);
    text_ += fmt::format(
        "<section class=\"chapter\" epub:type=\"chapter\" role=\"doc-chapter\" "
        "aria-labelledby=\"chapter-{0}\">\n<h1 id=\"chapter-{0}\"{1}>{2}</h1>\n",
        chapters_, language_of(shown).attributes(), escaped(shown));
    in_chapter_ = true;
    return package_->add_to_contents({info_.types.size() > 1 ? 2U : 1U,
                                      fmt::format("{}#chapter-{}", address(), chapters_), shown});
}

Result<void> BookWriter::open_chapter(RecordView const& view, data::RecordType const* type) {
    bool const new_type = view.type != type_ || chapters_ == 0;
    auto const chapter = chapter_of(view, type);
    if (new_type && info_.types.size() > 1) {
        if (in_chapter_) text_ += "</section>\n";
        in_chapter_ = false;
        if (text_.size() > new_file_bytes) PD_CHECK(put_text());
        auto const id = "part-" + slug_of(view.type);
        auto const shown = shortened(view.type, 200);
        text_ += fmt::format(
            "<section class=\"part-page\" epub:type=\"part\" role=\"doc-part\" "
            "aria-labelledby=\"{0}\">\n<h1 id=\"{0}\" dir=\"auto\">{1}</h1>\n</section>\n",
            id, escaped(shown));
        PD_CHECK(package_->add_to_contents({1, fmt::format("{}#{}", address(), id), shown}));
    }
    bool const same = !new_type && in_chapter_ && chapter == chapter_;
    type_ = view.type;
    return same ? Result<void>() : begin_chapter(chapter);
}

SafeBody BookWriter::body_of(data::Record const& record, RecordView const& view,
                             std::vector<ShownMedia> const& media) const {
    BodyOptions options{.markup = Markup::xhtml,
                        .id_prefix = "r-" + view.anchor + ".",
                        .heading_level = 3,
                        .piece_bytes = block_bytes_max,
                        .plain_bytes_max = 4000};
    options.local = [&](std::string_view wanted) { return picture_address(media, wanted, "../"); };
    return safe_body(record.body, record.body_format, options);
}

void BookWriter::report(data::Record const& record, RecordView const& view, SafeBody const& body,
                        std::vector<ShownMedia> const& media) {
    auto flaws = view.flaws;
    flaws.add(body.flaws);
    if (flaws.any()) tally_.omit(record, "", flaws.describe());
    if (!body.removed.empty()) {
        tally_.omit(record, "body",
                    fmt::format("left out because it could run or load: {}",
                                fmt::join(body.removed, ", ")));
    }
    for (auto const& field : view.fields) {
        if (field.shortened) tally_.omit(record, field.name, "bytes; the book shows their start");
    }
    if (record.embedding) tally_.omit(record, "embedding", "a book holds no vectors");
    for (auto const& each : media) {
        if (each.problem.empty() && each.preview.empty() && each.original.empty()) {
            tally_.omit(record, "media", each.name + ": named, not shown; it is no picture");
        }
    }
}

Result<void> BookWriter::note_resources(std::vector<ShownMedia> const& media) {
    for (auto const& each : media) {
        auto const& path = each.preview.empty() ? each.original : each.preview;
        if (path.empty()) continue;
        has_pictures_ = true;
        if (!each.fresh) continue;  // an earlier record's too
        auto const type = each.preview.empty()            ? std::string_view(each.media_type)
                          : each.preview.ends_with("png") ? "image/png"
                                                          : "image/jpeg";
        PD_CHECK(package_->note_resource(path, type));
    }
    return {};
}

Result<void> BookWriter::add(data::Record const& record, MediaLibrary& library,
                             std::stop_token stop) {
    auto const* type = type_of(record.type);
    auto view = view_of(record, type, {.field_bytes_max = SIZE_MAX});
    PD_TRY(
        auto const media,
        shelve_media(record, library, tree_, tally_,
                     {.root = "EPUB/", .preview_pixels = 1200, .originals = Originals::as_pictures},
                     stop));
    PD_CHECK(note_resources(media));
    PD_CHECK(open_chapter(view, type));
    if (anchors_.size() >= anchors_max) PD_CHECK(turn_file());
    auto const anchor = view.anchor;
    for (int i = 2; !anchors_.insert(view.anchor).second; ++i) {
        view.anchor = fmt::format("{}--{}", anchor, i);
    }
    auto const body = body_of(record, view, media);
    report(record, view, body, media);
    auto const blocks = book_blocks({view, body, media});
    std::size_t whole = 0;
    for (auto const& block : blocks) whole += block.size();
    // A record that fits into a file is not torn apart.
    if (text_.size() + whole > file_bytes_max && text_.size() > new_file_bytes) {
        PD_CHECK(turn_file());
    }
    text_ += "<article class=\"record\">\n";
    in_record_ = true;
    for (auto const& block : blocks) {
        PD_CHECK(append(block));
        if (&block == &blocks.front()) {
            auto const where = fmt::format("{}#r-{}", address(), view.anchor);
            PD_CHECK(index_.add(view, where));
            PD_CHECK(package_->add_to_contents({3, where, shortened(view.title, 160)}));
        }
    }
    text_ += "</article>\n";
    in_record_ = false;
    if (auto const tag = language_of(body.plain).tag; !tag.empty()) languages_.emplace(tag);
    if (view.created) {
        year_first_ = std::min(year_first_, civil(*view.created).year);
        year_last_ = std::max(year_last_, civil(*view.created).year);
    }
    tally_.count(record.type);
    return {};
}

BookFacts BookWriter::facts() {
    auto const& summary = tally_.summary();
    std::string identity = info_.source + '\0' + info_.snapshot + '\0' + to_rfc3339(info_.as_of);
    for (auto const& condition : info_.filter) identity += '\0' + condition;
    auto const digest = to_hex(crypto::sha256(as_bytes(identity)));
    BookFacts facts{.title = title_,
                    .languages = languages_,
                    .has_pictures = has_pictures_,
                    .records = summary.records};
    facts.identifier =
        fmt::format("urn:uuid:{}-{}-8{}-a{}-{}", digest.substr(0, 8), digest.substr(8, 4),
                    digest.substr(12, 3), digest.substr(15, 3), digest.substr(18, 12));
    if (year_last_ >= 0) {
        facts.subtitle = year_first_ == year_last_ ? fmt::format("{}", year_first_)
                                                   : fmt::format("{}–{}", year_first_, year_last_);
    }
    facts.description =
        fmt::format("{} of {}, as of {}.", counted(summary.records, "record", "records"),
                    page_text(info_.source), spoken_date(info_.as_of));
    if (files_ > 0) facts.first_text = "text/t00001.xhtml";
    return facts;
}

Result<void> BookWriter::put_front(BookFacts const& facts) {
    FileOptions const options{.modified = info_.as_of};
    auto const foot = fmt::format("{} · {}", counted(facts.records, "record", "records"),
                                  page_text(info_.source));
    PD_CHECK(put_file(tree_, tally_, "EPUB/cover.svg",
                      render_cover({title_, facts.subtitle, shortened(foot, 60)}), options));
    auto const cover = fmt::format(
        "<section class=\"cover\" epub:type=\"cover\">\n"
        "<img src=\"cover.svg\" alt=\"Cover of {}\" role=\"doc-cover\"/>\n</section>\n",
        escaped(title_));
    PD_CHECK(put_file(tree_, tally_, "EPUB/cover.xhtml", book_page("Cover", "book.css", "", cover),
                      options));
    auto title = fmt::format(
        "<section class=\"title-page\" epub:type=\"titlepage\">\n<h1{}>{}</h1>\n"
        "<p class=\"span\">{}</p>\n<p class=\"foot\">{}</p>\n",
        language_of(title_).attributes(), escaped(title_), facts.subtitle,
        escaped(facts.description));
    if (facts.records == 0) title += "<p>Nothing matched: this book holds no records.</p>\n";
    return put_file(tree_, tally_, "EPUB/title.xhtml",
                    book_page(title_, "book.css", "frontmatter", title + "</section>\n"), options);
}

Result<void> BookWriter::put_back() {
    std::string out =
        "<section class=\"colophon\" epub:type=\"colophon\" role=\"doc-colophon\" "
        "aria-labelledby=\"colophon-title\">\n"
        "<h1 id=\"colophon-title\">About this book</h1>\n<dl>\n";
    auto const fact = [&](std::string_view name, std::string_view value) {
        out += fmt::format("<dt>{}</dt><dd dir=\"auto\">{}</dd>\n", name, escaped(value));
    };
    auto const& summary = tally_.summary();
    fact("Source", page_text(info_.source));
    fact("Read from",
         info_.snapshot.empty() ? "the live data" : "snapshot " + page_text(info_.snapshot));
    fact("As of", spoken_time(info_.as_of));
    std::vector<std::string> conditions;
    for (auto const& condition : info_.filter) conditions.push_back(page_text(condition));
    fact("Chosen by",
         conditions.empty() ? "everything" : fmt::format("{}", fmt::join(conditions, "; ")));
    for (auto const& type : info_.types) {
        auto const found = summary.per_type.find(type.type);
        fact(escaped(page_text(type.type)),
             counted(found == summary.per_type.end() ? 0 : found->second, "record", "records"));
    }
    fact("Made by", page_text(info_.program));
    out += "</dl>\n";
    if (summary.omissions_total > 0) {
        out += fmt::format("<h2>What the book does not hold</h2>\n<p>{}, among them:</p>\n<ul>\n",
                           counted(summary.omissions_total, "detail", "details"));
        for (auto const& omission : summary.omissions) {
            if (&omission - summary.omissions.data() == omissions_shown) break;
            out += fmt::format("<li dir=\"auto\">{}: {}</li>\n",
                               escaped(shortened(page_text(omission.record), 200)),
                               escaped(shortened(page_text(omission.what), 400)));
        }
        out += "</ul>\n";
    }
    return put_file(tree_, tally_, "EPUB/colophon.xhtml",
                    book_page("About this book", "book.css", "backmatter", out + "</section>\n"),
                    {.modified = info_.as_of});
}

Result<FormatSummary> BookWriter::finish(std::stop_token stop) {
    PD_CHECK(put_text());
    PD_TRY(bool const has_index, index_.write(*package_, stop));
    auto about = facts();
    about.has_index = has_index;
    PD_CHECK(put_front(about));
    PD_CHECK(put_back());
    PD_CHECK(package_->finish(info_, about));
    return tally_.take();
}

Result<std::optional<Bytes>> BookWriter::checkpoint() {
    Encoder out;
    tally_.encode(out);
    PD_CHECK(package_->save(out));
    PD_CHECK(index_.save(out));
    for (auto const* text : {&text_, &type_, &chapter_}) out.text(*text);
    for (auto const* names : {&anchors_, &languages_}) {
        out.varint(names->size());
        for (auto const& name : *names) out.text(name);
    }
    out.varint(files_);
    out.varint(chapters_);
    out.u8(in_chapter_ ? 1 : 0);
    out.u8(has_pictures_ ? 1 : 0);
    out.svarint(year_first_);
    out.svarint(year_last_);
    return std::optional<Bytes>(out.take());
}

Result<void> BookWriter::resume(ExportInfo const& info, ByteView state) {
    prepare(info);
    Decoder in(state);
    PD_CHECK(tally_.decode(in));
    PD_CHECK(package_->load(in));
    PD_CHECK(index_.load(in));
    for (auto* text : {&text_, &type_, &chapter_}) {
        PD_TRY(*text, in.text(state_text_max));
    }
    for (auto* names : {&anchors_, &languages_}) {
        PD_TRY(auto const count, in.varint());
        for (std::uint64_t i = 0; i < count; ++i) {
            PD_TRY(auto name, in.text(state_text_max));
            names->insert(std::move(name));
        }
    }
    PD_TRY(files_, in.varint());
    PD_TRY(chapters_, in.varint());
    PD_TRY(auto const in_chapter, in.u8());
    PD_TRY(auto const has_pictures, in.u8());
    in_chapter_ = in_chapter != 0;
    has_pictures_ = has_pictures != 0;
    PD_TRY(auto const year_first, in.svarint());
    PD_TRY(auto const year_last, in.svarint());
    year_first_ = static_cast<int>(year_first);
    year_last_ = static_cast<int>(year_last);
    return in.expect_end();
}

}  // namespace

std::unique_ptr<RecordWriter> open_book_parts(OutputTree& tree) {
    return std::make_unique<BookWriter>(tree);
}

}  // namespace perdure::format
