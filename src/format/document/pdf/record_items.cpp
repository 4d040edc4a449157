#include "format/document/pdf/record_items.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "format/document/dates.h"

namespace perdure::format::pdf {

namespace {

std::string date_of(Timestamp time) {
    bool const whole_day = time.seconds % 86'400 == 0 && time.nanoseconds == 0;
    return whole_day ? spoken_date(time) : spoken_time(time);
}

/// "14 March 2024 · Garden / Ponds · Ada"
std::string meta_line(RecordSetting const& setting, RecordView const& view) {
    std::vector<std::string> parts;
    if (view.created) parts.push_back(date_of(*view.created));
    bool const edited =
        view.updated && view.created && view.updated->seconds - view.created->seconds > 86'400;
    if (view.updated && !view.created) parts.push_back(date_of(*view.updated));
    if (edited) parts.push_back("edited " + spoken_date(*view.updated));
    if (setting.show_collection && !view.collection.empty()) parts.push_back(view.collection);
    if (!view.project.empty() || !view.category.empty()) {
        bool const both = !view.project.empty() && !view.category.empty();
        parts.push_back(view.project + (both ? " / " : "") + view.category);
    }
    if (!view.person.empty()) parts.push_back(view.person);
    return fmt::format("{}", fmt::join(parts, "  \u00b7  "));
}

/// Columns that the record's roles show already. The title's is among a view's fields only where
/// the heading could not hold it whole.
std::set<std::string, std::less<>> shown_columns(data::RecordType const* type, bool has_body) {
    std::set<std::string, std::less<>> names;
    if (type == nullptr) return names;
    for (auto const& [role, expression] : type->roles) {
        bool const shown = role == "title" || role == "body" || role == "created" ||
                           role == "updated" || role == "collection" || role == "project" ||
                           role == "category" || role == "body_format" || role == "embedding";
        auto const end = std::min(expression.find_first_of(" (."), expression.size());
        bool const own_title = role == "title" && end == expression.size();
        if (shown && !own_title) names.insert(expression.substr(0, end));
    }
    if (has_body) names.insert(type->key_columns.begin(), type->key_columns.end());
    return names;
}

void append_field(RecordSetting const& setting, std::vector<Item>& items, FieldText const& field,
                  bool first) {
    auto const& look = setting.look;
    auto name = look.small(), value = look.body();
    double const width = look.paper.text_width();
    name.width = width * 0.28;
    value.width = width * 0.68;
    value.size = look.size * 0.88;
    value.justified = false;
    Item item{.tag = "TR", .before = first ? 8.0 : 0};
    item.cells.push_back(setting.typesetter.set(field.name, name));
    item.cells.push_back(setting.typesetter.set(field.text, value));
    item.shares = {0.3, 0.7};
    if (item.height() < look.paper.height * 0.4) {
        items.push_back(std::move(item));
        return;
    }
    items.push_back({.lines = std::move(item.cells[0]), .before = 6, .keep_with_next = true});
    items.push_back({.lines = std::move(item.cells[1])});
}

/// Below a text, what else is known of it stands in one small paragraph.
void append_notes(RecordSetting const& setting, std::vector<Item>& items,
                  std::vector<FieldText const*> const& fields) {
    constexpr std::size_t long_bytes = 400;
    std::string text;
    for (auto const* field : fields) {
        if (field->text.size() > long_bytes) continue;
        if (!text.empty()) text += "   \u00b7   ";
        text += field->name + ": " + field->text;
    }
    if (!text.empty()) {
        items.push_back({.lines = setting.typesetter.set(text, setting.look.small()), .before = 7});
    }
    bool first = true;
    for (auto const* field : fields) {
        if (field->text.size() <= long_bytes) continue;
        append_field(setting, items, *field, first);
        first = false;
    }
}

void append_fields(RecordSetting const& setting, std::vector<Item>& items, RecordView const& view,
                   data::RecordType const* type, bool has_body) {
    auto const shown = shown_columns(type, has_body);
    std::vector<FieldText const*> fields;
    for (auto const& field : view.fields) {
        // Beside a text, keys of rows say nothing to a reader.
        bool const key = has_body && field.number && field.name.ends_with("id");
        if (!field.text.empty() && !key && !shown.contains(field.name)) fields.push_back(&field);
    }
    if (has_body) return append_notes(setting, items, fields);
    for (auto const* field : fields) append_field(setting, items, *field, field == fields.front());
}

void append_tags(RecordSetting const& setting, std::vector<Item>& items, RecordView const& view) {
    if (view.tags.empty()) return;
    auto style = setting.look.small();
    style.colour = setting.look.accent;
    // Blanks inside a tag do not break, so that a tag stays one.
    std::string text;
    for (auto const& tag : view.tags) {
        if (!text.empty()) text += "   ";
        text += '#';
        for (char const c : tag) text += c == ' ' ? std::string("\u00a0") : std::string(1, c);
    }
    style.align = Align::left;
    items.push_back({.lines = setting.typesetter.set(text, style), .before = 9});
}

/// Tags and notes alone on the next page would look like somebody else's.
void keep_tail_together(std::vector<Item>& items, std::size_t last_of_text) {
    for (auto i = last_of_text; i + 1 < items.size(); ++i) {
        bool const small = items[i].lines.size() <= 5 && items[i].cells.empty();
        items[i].keep_with_next = items[i].keep_with_next || small;
    }
}

}  // namespace

Result<std::vector<Item>> items_of(RecordSetting const& setting, data::Record const& record,
                                   RecordView const& view, data::RecordType const* type,
                                   MediaLibrary& media, std::stop_token stop) {
    std::vector<Item> items;
    auto const& look = setting.look;
    items.push_back({.tag = "H2",
                     .lines = setting.typesetter.set(view.title, look.heading(look.size * 1.5)),
                     .before = look.size * 3.2,
                     .keep_with_next = true,
                     .target = true});
    auto const meta = meta_line(setting, view);
    if (!meta.empty()) {
        items.push_back({.lines = setting.typesetter.set(meta, look.small()),
                         .before = 3,
                         .keep_with_next = true});
    }
    auto const head = items.size();
    append_body(setting, items, record.body, record.body_format);
    bool const has_body = items.size() > head;
    PD_CHECK(append_media(setting, items, record, media, stop));
    auto const tail = items.size();
    append_tags(setting, items, view);
    append_fields(setting, items, view, type, has_body);
    keep_tail_together(items, std::max(head, tail) - 1);
    items.back().keep_with_next = false;
    auto const missing = setting.typesetter.take_missing();
    if (!missing.empty()) {
        auto const shown = std::min<std::size_t>(missing.size(), 12);
        setting.tally.omit(
            record, "",
            fmt::format(
                "{} that no font here can show: {}{} (U+FFFD stands in their place)",
                counted(missing.size(), "sign", "signs"),
                fmt::join(missing.begin(), missing.begin() + static_cast<long>(shown), ", "),
                shown < missing.size() ? "\u2026" : ""));
    }
    return items;
}

namespace {

class BodySetter {
public:
    BodySetter(RecordSetting const& setting, std::vector<Item>& items)
        : setting_(setting), look_(setting.look), items_(items) {}

    void add(Block const& block) {
        switch (block.kind) {
            case Block::Kind::paragraph:
                return add_paragraph(block);
            case Block::Kind::heading:
                return add_heading(block);
            case Block::Kind::quote:
                return add_quote(block);
            case Block::Kind::item:
                return add_item(block);
            case Block::Kind::code:
                return add_code(block);
            case Block::Kind::rule:
                items_.push_back({.before = look_.size, .rule = true});
                return;
            case Block::Kind::row:
                return add_row(block);
            case Block::Kind::picture:
                return;
        }
    }

private:
    std::vector<Line> set(Text const& text, Setting const& style) {
        return setting_.typesetter.set(text, style);
    }
    void add_paragraph(Block const& block) {
        items_.push_back({.lines = set(block.text, look_.body()), .before = gap()});
    }
    void add_heading(Block const& block) {
        double const factor = block.level <= 2 ? 1.22 : block.level == 3 ? 1.1 : 1.0;
        items_.push_back({.tag = fmt::format("H{}", std::min(block.level + 1, 6U)),
                          .lines = set(block.text, look_.heading(look_.size * factor)),
                          .before = look_.size * 1.5,
                          .keep_with_next = true});
    }
    void add_quote(Block const& block) {
        auto style = look_.body();
        style.width -= 2 * indent();
        style.italic = true;
        items_.push_back({.tag = "BlockQuote",
                          .lines = set(block.text, style),
                          .indent = indent(),
                          .before = gap(),
                          .bar = true});
    }
    void add_item(Block const& block) {
        // Text keeps a readable width however deep lists nest.
        double const in = indent() * std::min(block.level, 6U);
        auto style = look_.body();
        style.width -= in;
        Item item{
            .tag = "LI", .lines = set(block.text, style), .indent = in, .before = gap() * 0.55};
        if (!block.marker.empty()) {
            auto small = style;
            small.width = 200;
            small.justified = false;
            small.colour = look_.soft;
            auto lines = set(Text{block.marker, {}}, small);
            item.marker = std::move(lines.front());
        }
        items_.push_back(std::move(item));
    }
    void add_code(Block const& block) {
        auto style = look_.body();
        style.family = Family::mono;
        style.size = look_.size * 0.78;
        style.leading = 1.42;
        style.justified = false;
        style.width -= 20;
        items_.push_back({.tag = "Code",
                          .lines = set(block.text, style),
                          .indent = 10,
                          .before = gap() + 2,
                          .panel = true});
    }
    void add_row(Block const& block) {
        auto const columns = block.cells.size();
        auto style = look_.body();
        style.size = look_.size * 0.86;
        style.leading = 1.35;
        style.justified = false;
        style.bold = block.header;
        style.width = look_.paper.text_width() / static_cast<double>(columns) - 8;
        Item item{.tag = "TR", .header = block.header};
        bool const follows = !items_.empty() && items_.back().tag == "TR";
        item.before = follows ? 0 : gap();
        item.keep_with_next = block.header;
        if (columns <= 10 && style.width > 24) {
            for (auto const& cell : block.cells) item.cells.push_back(set(cell, style));
            if (item.height() < look_.paper.height * 0.45) {
                items_.push_back(std::move(item));
                return;
            }
        }
        style.width = look_.paper.text_width();
        for (auto const& cell : block.cells) {
            if (cell.text.empty()) continue;
            items_.push_back({.lines = set(cell, style), .before = 2});
        }
    }
    double gap() const { return look_.size * 0.62; }
    double indent() const { return look_.size * 1.7; }

    RecordSetting const& setting_;
    Look const& look_;
    std::vector<Item>& items_;
};

}  // namespace

void append_body(RecordSetting const& setting, std::vector<Item>& items, std::string_view body,
                 std::string_view format) {
    if (body.empty()) return;
    auto const blocks = blocks_of(body, format);
    BodySetter setter(setting, items);
    auto const first = items.size();
    for (auto const& block : blocks.blocks) {
        auto const at = items.size();
        setter.add(block);
        bool const behind_table = at > first && items[at - 1].tag == "TR";
        if (behind_table && items.size() > at && items[at].tag != "TR") items[at].before += 5;
    }
    if (items.size() > first) items[first].before = setting.look.size * 0.9;
}

}  // namespace perdure::format::pdf
