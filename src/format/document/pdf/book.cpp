#include "format/document/pdf/book.h"

#include <fmt/format.h>

#include <cstring>

#include "crypto/hash.h"
#include "format/document/dates.h"

namespace perdure::format::pdf {

namespace {

constexpr std::size_t chapters_remembered_max = 100'000;

std::uint64_t bits_of(double value) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

std::string capitalised(std::string text) {
    for (auto& c : text) c = c == '_' ? ' ' : c;
    if (!text.empty() && text[0] >= 'a' && text[0] <= 'z')
        text[0] = static_cast<char>(text[0] - 32);
    return text;
}

data::RecordType const* type_named(ExportInfo const& info, std::string_view name) {
    for (auto const& type : info.types) {
        if (type.type == name) return &type;
    }
    return nullptr;
}

}  // namespace

namespace {

/// In outline and contents; the chapter itself begins with its whole title.
constexpr std::size_t title_bytes_max = 1000, text_bytes_max = 1 << 30;

}  // namespace

Bytes encode_entry(Entry const& entry) {
    Encoder out;
    out.u8(static_cast<std::uint8_t>(entry.level));
    out.text(entry.title.size() > title_bytes_max ? shortened(entry.title, title_bytes_max)
                                                  : entry.title);
    out.u32(entry.target.page);
    out.u64(bits_of(entry.target.y));
    out.u32(entry.target.printed);
    return out.take();
}

Result<Entry> decode_entry(ByteView frame) {
    Decoder in(frame);
    Entry entry;
    PD_TRY(entry.level, in.u8());
    PD_TRY(entry.title, in.text(frame.size()));
    PD_TRY(entry.target.page, in.u32());
    PD_TRY(std::uint64_t const bits, in.u64());
    std::memcpy(&entry.target.y, &bits, sizeof bits);
    PD_TRY(entry.target.printed, in.u32());
    return entry;
}

Book::Book(Shared shared) : shared_(shared), flow_(shared.pages, shared.structure, shared.look) {
    flow_.set_furnish([this](Page& page) { furnish(page); });
}

/// Running heads: the book on the left, the chapter on the right, the number below.
void Book::furnish(Page& page) {
    auto const& look = shared_.look;
    auto const& paper = look.paper;
    auto style = look.small();
    style.size = look.size * 0.70;
    page.begin_artifact();
    if (page.number != opening_page_) {
        style.width = paper.text_width() * 0.46;
        double const y = paper.top * 0.52;
        auto const left =
            shared_.typesetter.set(shortened(page_text(shared_.info.title), 60), style);
        page.put(left.front(), paper.left, y, paper.height);
        style.align = Align::end;
        auto const right = shared_.typesetter.set(shortened(head_, 60), style);
        page.put(right.front(), paper.left + paper.text_width() * 0.54, y, paper.height);
    }
    style.width = paper.text_width();
    style.align = Align::centre;
    style.size = look.size * 0.78;
    auto const number = shared_.typesetter.set(fmt::format("{}", shared_.pages.count() + 1), style);
    page.put(number.front(), paper.left, paper.text_bottom() + paper.bottom * 0.42, paper.height);
    page.end_mark();
}

std::string Book::chapter_title(RecordView const& view) const {
    if (!view.collection.empty()) return view.collection;
    auto const* type = type_named(shared_.info, view.type);
    bool const has_collections = type != nullptr && type->roles.contains("collection");
    return has_collections ? "Without a collection" : capitalised(view.type);
}

Result<void> Book::note_entry(unsigned level, std::string const& title) {
    auto const target = flow_.take_target();
    PD_ASSERT(target);
    ++entry_count_;
    return shared_.entries.append_frame(
        encode_entry({.level = level, .title = title, .target = *target}));
}

std::string Book::kicker(RecordView const& view) const {
    if (view.collection.empty() || shared_.info.types.size() > 1) return capitalised(view.type);
    return "Collection";
}

Result<void> Book::begin_chapter(std::string const& title, std::string const& above) {
    PD_CHECK(end_chapter());
    auto const& look = shared_.look;
    PD_CHECK(flow_.new_page());
    opening_page_ = flow_.page().number;
    head_ = title;
    chapter_ = shared_.structure.open(shared_.structure.document(), "Sect");
    ++chapter_count_;
    auto kicker = look.small();
    kicker.colour = look.accent;
    kicker.letter_spacing = 1.1;
    auto heading = look.heading(look.size * 2.5);
    heading.leading = 1.18;
    std::vector<Item> items;
    if (above != title) {
        items.push_back({.lines = shared_.typesetter.set(above, kicker), .keep_with_next = true});
    }
    items.push_back({.tag = "H1",
                     .lines = shared_.typesetter.set(title, heading),
                     .before = 4,
                     .target = true});
    flow_.set_y(look.paper.top + look.paper.height * 0.05);
    PD_CHECK(flow_.add(items, *chapter_));
    auto& page = flow_.page();
    page.begin_artifact();
    page.fill({look.paper.left, flow_.y() + 12, 44, 1.4}, look.accent, look.paper.height);
    page.end_mark();
    flow_.set_y(flow_.y() + 18);
    shared_.typesetter.take_missing();
    return note_entry(1, title);
}

Result<void> Book::end_chapter() {
    if (!chapter_) return {};
    auto const chapter = *std::exchange(chapter_, std::nullopt);
    shared_.structure.add_to_document(chapter.number);
    return shared_.structure.close(chapter);
}

Result<void> Book::choose_chapter(RecordView const& view) {
    if (view.type != std::exchange(type_, view.type)) mixed_ = false;
    auto const key = view.type + '\0' + (mixed_ ? "" : view.collection);
    if (chapter_ && key == chapter_key_) return {};
    chapter_key_ = key;
    auto const digest = to_hex(crypto::sha256(as_bytes(key))).substr(0, 16);
    if (!seen_.contains(digest) && seen_.size() < chapters_remembered_max) {
        seen_.insert(digest);
        return begin_chapter(chapter_title(view), kicker(view));
    }
    // Sorted by something else: a chapter for every record would be no book.
    mixed_ = true;
    chapter_key_ = view.type + '\0';
    return begin_chapter(capitalised(view.type), "All collections");
}

Result<void> Book::add(data::Record const& record, MediaLibrary& media, std::stop_token stop) {
    auto const* type = type_named(shared_.info, record.type);
    auto const view = view_of(record, type, {.field_bytes_max = SIZE_MAX});
    PD_CHECK(choose_chapter(view));
    RecordSetting const setting{.typesetter = shared_.typesetter,
                                .look = shared_.look,
                                .objects = shared_.objects,
                                .tally = shared_.tally,
                                .show_collection = mixed_};
    PD_TRY(auto const items, items_of(setting, record, view, type, media, stop));
    auto section = shared_.structure.open(chapter_->number, "Sect");
    PD_CHECK(flow_.add(items, section));
    Structure::add_kid(*chapter_, section.number);
    PD_CHECK(shared_.structure.close(section));
    PD_CHECK(note_entry(2, view.title));
    shared_.tally.count(record.type);
    return {};
}

Result<void> Book::end() {
    PD_CHECK(flow_.end_page());
    return end_chapter();
}

void Book::save(Encoder& state) const {
    flow_.save(state);
    state.u8(chapter_ ? 1 : 0);
    if (chapter_) save_element(state, *chapter_);
    state.text(chapter_key_);
    state.text(type_);
    state.text(head_);
    state.varint(seen_.size());
    for (auto const& digest : seen_) state.text(digest);
    state.u8(mixed_ ? 1 : 0);
    state.u32(opening_page_);
    state.u64(entry_count_);
    state.u64(chapter_count_);
}

Result<void> Book::load(Decoder& state) {
    PD_CHECK(flow_.load(state));
    PD_TRY(auto const has_chapter, state.u8());
    if (has_chapter != 0) {
        PD_TRY(chapter_, load_element(state));
    }
    PD_TRY(chapter_key_, state.text(text_bytes_max));
    PD_TRY(type_, state.text(text_bytes_max));
    PD_TRY(head_, state.text(text_bytes_max));
    PD_TRY(auto const seen, state.varint());
    for (std::uint64_t i = 0; i < seen; ++i) {
        PD_TRY(auto digest, state.text(64));
        seen_.insert(std::move(digest));
    }
    PD_TRY(auto const mixed, state.u8());
    mixed_ = mixed != 0;
    PD_TRY(opening_page_, state.u32());
    PD_TRY(entry_count_, state.u64());
    PD_TRY(chapter_count_, state.u64());
    return {};
}

}  // namespace perdure::format::pdf
