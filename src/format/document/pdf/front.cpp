#include <fmt/format.h>
#include <fmt/ranges.h>

#include "format/document/dates.h"
#include "format/document/pdf/book.h"

namespace perdure::format::pdf {

namespace {

/// Beyond so many records the contents list chapters; the outline lists every record in any case.
constexpr std::uint64_t contents_records_max = 3000;

std::string roman(unsigned number) {
    static constexpr struct {
        unsigned value;
        char const* sign;
    } signs[] = {{100, "c"}, {90, "xc"}, {50, "l"}, {40, "xl"}, {10, "x"},
                 {9, "ix"},  {5, "v"},   {4, "iv"}, {1, "i"}};
    std::string out;
    for (auto const& [value, sign] : signs) {
        for (; number >= value; number -= value) out += sign;
    }
    return out;
}

class Front {
public:
    explicit Front(Shared shared)
        : shared_(shared), look_(shared.look), flow_(shared.pages, shared.structure, shared.look) {}

    Result<void> cover();
    Result<Target> contents(std::uint64_t entries, std::uint64_t chapters);

private:
    std::vector<std::string> counts() const;
    void furnish(Page& page);
    Result<void> put(std::string const& text, Setting const& setting, double before,
                     std::string tag, Element& parent);
    Result<void> fact(std::string const& name, std::string const& text, Element& parent);
    Result<void> line(Entry const& entry, Element& parent, bool records);

    Shared shared_;
    Look const& look_;
    Flow flow_;
};

/// "1 memory", "2 memories"; names of types are singular.
std::string counted_type(std::uint64_t count, std::string name) {
    for (auto& c : name) c = c == '_' ? ' ' : c;
    if (count == 1 || name.ends_with("media") || name.empty()) {
        return fmt::format("{} {}", with_commas(count), name);
    }
    bool const vowel_y =
        name.size() > 1 && std::string_view("aeiou").contains(name[name.size() - 2]);
    if (name.ends_with('y') && !vowel_y) {
        name.replace(name.size() - 1, 1, "ies");
    } else if (name.ends_with('s') || name.ends_with('x') || name.ends_with("ch")) {
        name += "es";
    } else {
        name += 's';
    }
    return fmt::format("{} {}", with_commas(count), name);
}

std::vector<std::string> Front::counts() const {
    std::vector<std::string> out;
    auto const& summary = shared_.tally.summary();
    for (auto const& type : shared_.info.types) {
        auto const found = summary.per_type.find(type.type);
        if (found == summary.per_type.end() || found->second == 0) continue;
        out.push_back(counted_type(found->second, page_text(type.type)));
    }
    if (out.empty()) out.emplace_back("no records");
    if (summary.media > 0) out.push_back(counted(summary.media, "file", "files"));
    return out;
}

Result<void> Front::put(std::string const& text, Setting const& setting, double before,
                        std::string tag, Element& parent) {
    flow_.set_y(flow_.y() + before);
    return flow_.add({{.tag = std::move(tag), .lines = shared_.typesetter.set(text, setting)}},
                     parent);
}

Result<void> Front::fact(std::string const& name, std::string const& text, Element& parent) {
    if (text.empty()) return {};
    auto label = look_.small();
    auto value = look_.small();
    value.colour = look_.ink;
    label.width = look_.paper.text_width() * 0.26;
    value.width = look_.paper.text_width() * 0.72;
    Item item{.tag = "TR", .shares = {0.28, 0.72}};
    item.cells = {shared_.typesetter.set(name, label), shared_.typesetter.set(text, value)};
    return flow_.add({item}, parent);
}

Result<void> Front::cover() {
    auto const& info = shared_.info;
    auto const& paper = look_.paper;
    PD_CHECK(flow_.new_page());
    auto part = shared_.structure.open(shared_.structure.document(), "Sect");
    auto& page = flow_.page();
    page.begin_artifact();
    page.fill({0, 0, paper.width, 9}, look_.accent, paper.height);
    page.end_mark();
    flow_.set_y(paper.height * 0.24);
    auto title = look_.heading(look_.size * 3.7);
    title.leading = 1.14;
    PD_CHECK(put(shortened(page_text(info.title), 200), title, 0, "Title", part));
    auto counted_line = look_.body();
    counted_line.size = look_.size * 1.2;
    counted_line.colour = look_.soft;
    counted_line.justified = false;
    PD_CHECK(
        put(fmt::format("{}", fmt::join(counts(), "  \u00b7  ")), counted_line, 10, "P", part));
    auto when = counted_line;
    PD_CHECK(put("As of " + spoken_time(info.as_of), when, 2, "P", part));
    flow_.page().begin_artifact();
    flow_.page().fill({paper.left, flow_.y() + 22, 64, 2}, look_.accent, paper.height);
    flow_.page().end_mark();
    flow_.set_y(std::max(flow_.y() + 60, paper.height * 0.70));
    PD_CHECK(fact("Source", page_text(info.source), part));
    PD_CHECK(
        fact("Snapshot", info.snapshot.empty() ? "live data" : page_text(info.snapshot), part));
    PD_CHECK(fact("Chosen",
                  shortened(page_text(fmt::format("{}", fmt::join(info.filter, "; "))), 600),
                  part));
    PD_CHECK(fact("Made by", page_text(info.program), part));
    PD_CHECK(fact("Inside", "The complete data of every record are attached to this file as JSON.",
                  part));
    PD_CHECK(flow_.end_page());
    shared_.structure.add_to_document(part.number);
    return shared_.structure.close(part);
}

void Front::furnish(Page& page) {
    auto style = look_.small();
    style.align = Align::centre;
    page.begin_artifact();
    auto const number = shared_.typesetter.set(roman(shared_.pages.front_count() + 1), style);
    page.put(number.front(), look_.paper.left,
             look_.paper.text_bottom() + look_.paper.bottom * 0.42, look_.paper.height);
    page.end_mark();
}

Result<void> Front::line(Entry const& entry, Element& parent, bool records) {
    auto const& paper = look_.paper;
    bool const chapter = entry.level == 1;
    auto style = look_.body();
    style.justified = false;
    style.size = look_.size * (chapter ? 1.05 : 0.92);
    style.bold = chapter && records;
    style.align = Align::left;
    style.leading = 1.5;
    double const indent = chapter ? 0 : look_.size * 1.4;
    double const numbers = 44;
    style.width = paper.text_width() - indent - numbers;
    auto title = shared_.typesetter.set(shortened(entry.title, 180), style);
    if (title.size() > 2) title.resize(2);
    style.bold = false;
    style.colour = look_.soft;
    style.width = numbers;
    style.align = Align::end;
    auto const number = shared_.typesetter.set(fmt::format("{}", entry.target.printed), style);
    // The number is put by hand on the first line's base line: the flow knows single columns.
    Item item{.tag = "TOCI",
              .lines = std::move(title),
              .indent = indent,
              .before = chapter && records ? 10.0 : 0};
    item.keep_with_next = false;
    double const height = item.height();
    if (flow_.y() + item.before + height > paper.text_bottom()) PD_CHECK(flow_.new_page());
    PD_CHECK(flow_.add({item}, parent));
    double const top = flow_.y() - height;
    auto element = shared_.structure.open(parent.number, "TOCI");
    flow_.page().begin_mark(element);
    flow_.page().put(number.front(), paper.left + paper.text_width() - numbers, top, paper.height);
    flow_.page().end_mark();
    Structure::add_kid(parent, element.number);
    PD_CHECK(shared_.structure.close(element));
    flow_.page().link_inside({paper.left, top, paper.text_width(), height}, entry.target,
                             paper.height);
    return {};
}

Result<Target> Front::contents(std::uint64_t entries, std::uint64_t chapters) {
    flow_.set_furnish([this](Page& page) { furnish(page); });
    PD_CHECK(flow_.new_page());
    Target const begin{flow_.page().number, 0};
    auto part = shared_.structure.open(shared_.structure.document(), "TOC");
    auto heading = look_.heading(look_.size * 2);
    flow_.set_y(look_.paper.top + look_.paper.height * 0.03);
    PD_CHECK(put("Contents", heading, 0, "H1", part));
    flow_.set_y(flow_.y() + 12);
    bool const records = entries - chapters <= contents_records_max && entries > chapters;
    if (entries == 0) PD_CHECK(put("This export holds no records.", look_.body(), 8, "P", part));
    PD_CHECK(shared_.entries.frames([&](ByteView frame) -> Result<void> {
        PD_TRY(auto const entry, decode_entry(frame));
        if (entry.level > 1 && !records) return {};
        return line(entry, part, records);
    }));
    PD_CHECK(flow_.end_page());
    shared_.structure.add_to_document(part.number);
    PD_CHECK(shared_.structure.close(part));
    return begin;
}

}  // namespace

Result<Target> write_front(Shared shared, std::uint64_t entries, std::uint64_t chapters) {
    PD_CHECK(shared.pages.begin_front());
    Front front(shared);
    PD_CHECK(front.cover());
    return front.contents(entries, chapters);
}

}  // namespace perdure::format::pdf
