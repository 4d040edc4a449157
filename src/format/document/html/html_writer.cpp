#include "format/document/html/html_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "format/document/body/links.h"
#include "format/document/html/article.h"
#include "format/document/html/assets.h"
#include "format/document/html/home.h"
#include "format/document/html/search_index.h"
#include "format/record/json_text.h"
#include "format/record/json_writer.h"
#include "format/text.h"

namespace perdure::format {

namespace {

constexpr std::size_t records_a_page = 50;
constexpr std::size_t page_bytes_max = 256 << 10;
constexpr std::size_t recent_max = 12;
constexpr std::size_t state_text_max = 256 << 20;

/// A page of records that waits for the address of the one after it.
struct PendingPage {
    std::string path, title, previous, articles, type;
    std::uint64_t records = 0;
    std::set<std::string> anchors;
};

struct Recent {
    std::int64_t seconds = 0;
    std::uint64_t ordinal = 0;
    CardPlace place;
};

class HtmlWriter : public RecordWriter {
public:
    explicit HtmlWriter(OutputTree& tree)
        : tree_(tree),
          cards_(tree, "cards"),
          data_(tree, "data"),
          groups_(tree, tally_, cards_),
          gallery_(tree, tally_) {}

    Result<void> begin(ExportInfo const& info) override {
        site_ = site_of(info);
        search_.emplace(tree_, tally_, info.as_of);
        return {};
    }
    Result<void> add(data::Record const& record, MediaLibrary& media,
                     std::stop_token stop) override;
    Result<FormatSummary> finish(std::stop_token stop) override;
    Result<std::optional<Bytes>> checkpoint() override;
    Result<void> resume(ExportInfo const& info, ByteView state) override;

private:
    data::RecordType const* type_of(std::string_view name) const;
    Result<void> turn_page(RecordView& view);
    Result<void> put_page(std::string const& next);
    Result<void> list(RecordView const& view, std::string const& address, SafeBody const& body,
                      std::vector<ShownMedia> const& media);
    Result<void> note_recent(Card const& card, CardPlace place);
    SafeBody body_of(data::Record const& record, RecordView const& view,
                     std::vector<ShownMedia> const& media) const;
    void report(data::Record const& record, RecordView const& view, SafeBody const& body);
    Result<void> put(std::string const& name, std::string_view text) {
        return put_file(tree_, tally_, name, text, {.modified = site_.info.as_of});
    }
    Result<void> put_data();

    OutputTree& tree_;
    Site site_;
    Tally tally_;
    KeptSpool cards_, data_;
    GroupIndex groups_;
    Gallery gallery_;
    std::optional<SearchIndex> search_;
    PendingPage page_;
    std::set<std::string> anchors_;  ///< of pages of their own: at most 10,000
    std::uint64_t page_number_ = 0;
    std::string paged_type_;
    std::vector<Recent> recent_;
};

data::RecordType const* HtmlWriter::type_of(std::string_view name) const {
    auto const found = std::ranges::find(site_.info.types, name, &data::RecordType::type);
    return found == site_.info.types.end() ? nullptr : &*found;
}

/// Makes sure that the record's article has a page to go to.
Result<void> HtmlWriter::turn_page(RecordView& view) {
    bool const full =
        page_.records > 0 && (site_.one_record_a_page || page_.records >= records_a_page ||
                              page_.articles.size() >= page_bytes_max || page_.type != view.type);
    auto const unused = [&](std::set<std::string>& taken) {
        // Keys that differ only in their parts ("a/b", "c" and "a", "b/c") read the same.
        auto const anchor = view.anchor;
        for (int i = 2; !taken.insert(view.anchor).second; ++i) {
            view.anchor = fmt::format("{}--{}", anchor, i);
        }
    };
    if (site_.one_record_a_page) unused(anchors_);
    if (page_.records == 0 || full) {
        auto const type = slug_of(view.type);
        page_number_ = view.type == paged_type_ ? page_number_ + 1 : 1;
        paged_type_ = view.type;
        auto const name =
            site_.one_record_a_page ? view.anchor : fmt::format("{}-{:05}", type, page_number_);
        auto const path = fmt::format("records/{}.html", safe_file_name(name));
        PendingPage next{.path = path, .previous = page_.path, .type = view.type};
        if (full) PD_CHECK(put_page(path));
        page_ = std::move(next);
        page_.title = site_.one_record_a_page ? view.title
                                              : fmt::format("{}, page {}", view.type, page_number_);
    }
    if (!site_.one_record_a_page) unused(page_.anchors);
    ++page_.records;
    return {};
}

Result<void> HtmlWriter::put_page(std::string const& next) {
    auto const sibling = [](std::string const& path) {
        return path.empty() ? "" : url_path(path.substr(path.rfind('/') + 1));
    };
    Page page{.title = page_.title,
              .root = "../",
              .section = "record",
              .next = sibling(next),
              .previous = sibling(page_.previous)};
    if (site_.one_record_a_page) {
        page.main = std::move(page_.articles);
    } else {
        page.main =
            fmt::format("<h1 class=\"page-title\" dir=\"auto\">{}</h1>\n", escaped(page_.title));
        page.main += page_.articles;
    }
    std::string turns;
    if (!page.previous.empty()) {
        turns += fmt::format(R"(<a rel="prev" href="{}">Previous</a>)", page.previous);
    }
    if (!page.next.empty()) {
        turns += fmt::format(R"(<a rel="next" href="{}">Next</a>)", page.next);
    }
    if (!turns.empty()) {
        page.main += fmt::format(
            "<nav class=\"pager\" aria-label=\"Neighbouring records\">{}</nav>\n", turns);
    }
    return put(page_.path, render_page(site_, page));
}

SafeBody HtmlWriter::body_of(data::Record const& record, RecordView const& view,
                             std::vector<ShownMedia> const& media) const {
    BodyOptions options{.id_prefix = view.anchor + ".",
                        .heading_level = site_.one_record_a_page ? 2U : 3U};
    options.local = [&](std::string_view address) {
        return picture_address(media, address, "../");
    };
    return safe_body(record.body, record.body_format, options);
}

void HtmlWriter::report(data::Record const& record, RecordView const& view, SafeBody const& body) {
    auto flaws = view.flaws;
    flaws.add(body.flaws);
    if (flaws.any()) tally_.omit(record, "", flaws.describe());
    if (body.removed.empty()) return;
    std::string removed;
    for (auto const& each : body.removed) removed += (removed.empty() ? "" : ", ") + each;
    tally_.omit(record, "", "left out of the text because it could run or load: " + removed);
}

Result<void> HtmlWriter::note_recent(Card const& card, CardPlace place) {
    auto const seconds =
        card.created ? card.created->seconds : std::numeric_limits<std::int64_t>::min();
    Recent const entry{seconds, tally_.summary().records, place};
    auto const newer = [](Recent const& a, Recent const& b) {
        return a.seconds != b.seconds ? a.seconds > b.seconds : a.ordinal > b.ordinal;
    };
    recent_.insert(std::ranges::upper_bound(recent_, entry, newer), entry);
    if (recent_.size() > recent_max) recent_.pop_back();
    return {};
}

Result<void> HtmlWriter::list(RecordView const& view, std::string const& address,
                              SafeBody const& body, std::vector<ShownMedia> const& media) {
    auto const card = card_of(view, address, body.plain, media);
    Encoder encoded;
    save_card(encoded, card);
    CardPlace const place{cards_.size_bytes(), static_cast<std::uint32_t>(encoded.size())};
    PD_CHECK(cards_.append(as_text(encoded.view())));
    PD_CHECK(groups_.add(view, tally_.summary().records, place));
    PD_CHECK(note_recent(card, place));
    for (auto const& each : media) PD_CHECK(gallery_.add(each, address, view.title));
    std::string words = body.plain;
    for (auto const* text :
         {&view.project, &view.category, &view.collection, &view.person, &view.id}) {
        words += '\n' + *text;
    }
    for (auto const& tag : view.tags) words += '\n' + tag;
    for (auto const& each : media) words += '\n' + each.name + '\n' + each.description;
    for (auto const& field : view.fields) words += '\n' + field.text;
    return search_->add(card, view.title, words);
}

Result<void> HtmlWriter::add(data::Record const& record, MediaLibrary& library,
                             std::stop_token stop) {
    auto view = view_of(record, type_of(record.type), {});
    PD_CHECK(turn_page(view));
    auto address = url_path(page_.path);
    if (!site_.one_record_a_page) address += "#r-" + view.anchor;
    PD_TRY(auto const media, shelve_media(record, library, tree_, tally_, {}, stop));
    auto const body = body_of(record, view, media);
    report(record, view, body);
    page_.articles += render_article(site_, {view, body, media}, "../");
    PD_CHECK(list(view, address, body, media));
    std::string line;
    json_record(line, record);
    line += '\n';
    PD_CHECK(data_.append(line));
    tally_.count(record.type);
    return {};
}

Result<void> HtmlWriter::put_data() {
    PD_TRY(auto const out, tree_.create("data/records.ndjson", {.modified = site_.info.as_of,
                                                                .size_bytes = data_.size_bytes()}));
    PD_CHECK(data_.replay([&](std::string_view piece) { return out->write(piece); }));
    PD_CHECK(out->finish());
    count_file(tally_, data_.size_bytes());
    std::string header;
    json_header(header, site_.info);
    return put("data/export.json", header + "\n");
}

Result<FormatSummary> HtmlWriter::finish(std::stop_token stop) {
    if (page_.records > 0) PD_CHECK(put_page(""));
    PD_CHECK(search_->finish(stop));
    PD_CHECK(groups_.write(site_, stop));
    if (site_.has_media) PD_CHECK(gallery_.write(site_, stop));
    std::vector<Card> recent;
    for (auto const& each : recent_) {
        PD_TRY(auto const bytes, cards_.read(each.place.offset, each.place.length));
        PD_TRY(auto card, load_card(as_bytes(std::string_view(bytes))));
        recent.push_back(std::move(card));
    }
    PD_CHECK(put("index.html", render_home(site_, {tally_.summary(), groups_, gallery_, recent})));
    PD_CHECK(put("search.html", render_search(site_)));
    PD_CHECK(put("about.html", render_about(site_, tally_.summary())));
    PD_CHECK(put_data());
    for (auto const& asset : site_assets()) {
        PD_CHECK(put(fmt::format("assets/{}", asset.name), asset.text));
    }
    return tally_.take();
}

Result<std::optional<Bytes>> HtmlWriter::checkpoint() {
    Encoder out;
    tally_.encode(out);
    PD_CHECK(cards_.flush());
    PD_CHECK(data_.flush());
    out.varint(cards_.size_bytes());
    out.varint(data_.size_bytes());
    PD_CHECK(groups_.save(out));
    PD_CHECK(gallery_.save(out));
    PD_CHECK(search_->save(out));
    for (auto const* text :
         {&page_.path, &page_.title, &page_.previous, &page_.articles, &page_.type, &paged_type_}) {
        out.text(*text);
    }
    out.varint(page_.records);
    out.varint(page_number_);
    for (auto const* anchors : {&page_.anchors, &anchors_}) {
        out.varint(anchors->size());
        for (auto const& anchor : *anchors) out.text(anchor);
    }
    out.varint(recent_.size());
    for (auto const& each : recent_) {
        out.svarint(each.seconds);
        out.varint(each.ordinal);
        out.varint(each.place.offset);
        out.varint(each.place.length);
    }
    return std::optional<Bytes>(out.take());
}

Result<void> HtmlWriter::resume(ExportInfo const& info, ByteView state) {
    PD_CHECK(begin(info));
    Decoder in(state);
    PD_CHECK(tally_.decode(in));
    PD_TRY(auto const cards, in.varint());
    PD_TRY(auto const data, in.varint());
    PD_CHECK(cards_.resume(cards));
    PD_CHECK(data_.resume(data));
    PD_CHECK(groups_.load(in));
    PD_CHECK(gallery_.load(in));
    PD_CHECK(search_->load(in));
    for (auto* text :
         {&page_.path, &page_.title, &page_.previous, &page_.articles, &page_.type, &paged_type_}) {
        PD_TRY(*text, in.text(state_text_max));
    }
    PD_TRY(page_.records, in.varint());
    PD_TRY(page_number_, in.varint());
    for (auto* anchors : {&page_.anchors, &anchors_}) {
        PD_TRY(auto const count, in.varint());
        for (std::uint64_t i = 0; i < count; ++i) {
            PD_TRY(auto anchor, in.text(state_text_max));
            anchors->insert(std::move(anchor));
        }
    }
    PD_TRY(auto const recent, in.varint());
    for (std::uint64_t i = 0; i < recent; ++i) {
        Recent each;
        PD_TRY(each.seconds, in.svarint());
        PD_TRY(each.ordinal, in.varint());
        PD_TRY(each.place.offset, in.varint());
        PD_TRY(auto const length, in.varint());
        each.place.length = static_cast<std::uint32_t>(length);
        recent_.push_back(each);
    }
    return in.expect_end();
}

}  // namespace

std::unique_ptr<RecordWriter> open_html(OutputTree& tree) {
    return std::make_unique<HtmlWriter>(tree);
}

}  // namespace perdure::format
