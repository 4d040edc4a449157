#include "format/document/body/fragment.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/result.h"
#include "format/document/body/links.h"

namespace perdure::format {

namespace {

constexpr std::size_t depth_max = 40;
constexpr std::size_t ids_max = 10'000;

using enum ElementRole;

bool text_only(ElementRole role) {
    return role == paragraph || role == heading || role == caption || role == inline_;
}

std::string_view attribute(HtmlToken const& token, std::string_view name) {
    auto const found = std::ranges::find(token.attributes, name, &HtmlAttribute::name);
    return found == token.attributes.end() ? std::string_view() : found->value;
}

bool has_attribute(HtmlToken const& token, std::string_view name) {
    return std::ranges::find(token.attributes, name, &HtmlAttribute::name) !=
           token.attributes.end();
}

std::string attribute_text(std::string_view name, std::string_view value) {
    std::string out = fmt::format(" {}=\"", name);
    escape_attribute(out, page_text(value));
    return out + '"';
}

/// An id of the body as an id of the page, after its prefix.
std::string id_of(std::string_view raw) {
    std::string id;
    for (char const c : raw.substr(0, 64)) {
        bool const fine = is_ascii_alphanumeric(c) || c == '-' || c == '_' || c == '.';
        id += fine ? c : '_';
    }
    return id;
}

bool blank_text(std::string_view text) {
    return text.find_first_not_of(" \t\n\f\r") == text.npos;
}

bool small_number(std::string_view text) {
    return !text.empty() && text.size() <= 6 && std::ranges::all_of(text, is_ascii_digit);
}

std::string class_of(ElementRule const& rule, HtmlToken const& token) {
    if (!rule.css.empty()) return std::string(rule.css);
    auto const given = attribute(token, "class");
    if (rule.name == "code" && given.starts_with("language-") && given.size() <= 40) {
        return id_of(given);
    }
    if (rule.role == cell) {
        auto const align = attribute(token, "align");
        if (align == "left" || align == "right" || align == "center") {
            return fmt::format("align-{}", align);
        }
    }
    bool const footnotes = given == "footnotes" || given == "footnote-ref";
    return footnotes ? std::string(given) : "";
}

}  // namespace

Fragment::Fragment(BodyOptions const& options) : options_(options) {
    heading_last_ = options.heading_level - 1;
}

ElementRole Fragment::top() const {
    return open_.empty() ? container : open_.back().rule->role;
}
bool Fragment::inside_text() const {
    return text_only(top());
}

void Fragment::push(ElementRule const& rule, std::string attributes, std::string_view id) {
    std::string tag = fmt::format("<{}{}>", rule.out, attributes);
    body_.markup.append(tag, 0, tag.size() - 1);
    if (!id.empty()) body_.markup += attribute_text("id", id);
    body_.markup += '>';
    open_.push_back({&rule, std::move(tag), std::string(rule.out)});
}

void Fragment::implied(std::string_view name) {
    push(*find_element(name), "");
}

void Fragment::pop() {
    body_.markup += fmt::format("</{}>", open_.back().name);
    bool const block = open_.back().rule->role != inline_;
    open_.pop_back();
    if (!block) return;
    plain_break();
    if (top() != row) body_.markup += '\n';
    maybe_cut();
}

/// A list, table or row cannot hold text or blocks itself; what may is opened.
void Fragment::make_room_for_text() {
    if (top() == list) implied("li");
    if (top() == table) implied("tr");
    if (top() == row) implied("td");
    bool const quote = !open_.empty() && open_.back().name == "blockquote";
    if (open_.empty() || quote) implied("p");
}

void Fragment::make_room_for_block() {
    while (inside_text()) pop();
    if (top() == list) implied("li");
    if (top() == table) implied("tr");
    if (top() == row) implied("td");
}

void Fragment::prepare_list_item() {
    for (auto i = open_.size(); i-- > 0;) {
        auto const role = open_[i].rule->role;
        if (role == cell || role == container) break;
        if (role != list) continue;
        while (open_.size() > i + 1) pop();
        return;
    }
    make_room_for_block();
    implied("ul");
}

void Fragment::prepare_row() {
    while (!open_.empty() && top() != table) pop();
    PD_ASSERT(top() == table);
}

void Fragment::prepare_cell() {
    while (top() != row && top() != table) pop();
    if (top() == table) implied("tr");
}

std::string Fragment::take_id(HtmlToken const& token) {
    auto raw = attribute(token, "id");
    if (raw.empty() && token.name == "a") raw = attribute(token, "name");
    if (raw.empty() || ids_.size() >= ids_max) return {};
    auto id = options_.id_prefix + id_of(raw);
    return ids_.insert(id).second ? id : "";
}

std::string Fragment::attributes_of(ElementRule const& rule, HtmlToken const& token) {
    std::string out;
    if (auto const css = class_of(rule, token); !css.empty()) out += attribute_text("class", css);
    auto const dir = attribute(token, "dir");
    if (dir == "ltr" || dir == "rtl" || dir == "auto") {
        out += attribute_text("dir", dir);
    } else if (rule.name == "pre") {  // code reads from the left, also inside Arabic
        out += attribute_text("dir", "auto");
    }
    if (rule.name == "ol" && small_number(attribute(token, "start"))) {
        out += attribute_text("start", attribute(token, "start"));
    }
    if (auto const title = attribute(token, "title"); rule.name == "abbr" && !title.empty()) {
        out += attribute_text("title", title);
    }
    return out;
}

void Fragment::note(std::string_view what) {
    auto const found = std::ranges::find(removed_, what, &std::pair<std::string, uint64_t>::first);
    if (found != removed_.end()) {
        ++found->second;
    } else if (removed_.size() < 16) {
        removed_.emplace_back(what, 1);
    }
}

void Fragment::note_dangerous(HtmlToken const& token) {
    for (auto const& each : token.attributes) {
        if (each.name.starts_with("on")) note("event handler");
        if (each.name == "style") note("style attribute");
    }
}

void Fragment::start(HtmlToken const& token) {
    drop_text_ = false;
    auto const* rule = find_element(token.name);
    if (!rule) return;
    note_dangerous(token);
    switch (rule->role) {
        case dropped:
            note(token.name + " element");
            drop_text_ = holds_raw_text(token.name);
            return;
        case line_break:
            if (!open_.empty() && top() != list && top() != table && top() != row) {
                void_element("br", "");
            }
            return plain_break();
        case image:
            return start_image(token);
        case player:
            return start_player(token);
        case checkbox:
            if (attribute(token, "type") == "checkbox") {
                text(has_attribute(token, "checked") ? "\u2611" : "\u2610");
            }
            return;
        default:
            break;
    }
    if (open_.size() >= depth_max) {
        if (!token.self_closing) ++unwrapped_;
        return;
    }
    if (rule->name == "a") return start_link(*rule, token);
    if (rule->role == inline_) {
        make_room_for_text();
        bool const no_direction = rule->name == "bdo" && attributes_of(*rule, token).empty();
        if (no_direction) rule = find_element("span");
        return push(*rule, attributes_of(*rule, token), take_id(token));
    }
    start_block(*rule, token);
}

void Fragment::start_block(ElementRule const& rule, HtmlToken const& token) {
    bool const in_table = std::ranges::any_of(
        open_, [](Open const& open) { return open.rule->role == ElementRole::table; });
    switch (rule.role) {
        case item:
            prepare_list_item();
            break;
        case row:
            if (!in_table) return;
            prepare_row();
            break;
        case cell:
            if (!in_table) return;
            prepare_cell();
            break;
        case caption:
            // Valid only in front of the first row.
            if (top() != table || body_.markup.back() != '>' ||
                !body_.markup.ends_with(open_.back().tag)) {
                return;
            }
            break;
        case heading:
            return start_heading(token);
        case ElementRole::rule:
            make_room_for_block();
            return void_element("hr", "");
        default:
            make_room_for_block();
    }
    push(rule, attributes_of(rule, token), take_id(token));
}

void Fragment::start_heading(HtmlToken const& token) {
    make_room_for_block();
    unsigned const wanted = static_cast<unsigned>(token.name[1] - '1') + options_.heading_level;
    // No level is skipped on the way down, or screen readers would miss one.
    unsigned const level = std::min({wanted, heading_last_ + 1, 6U});
    heading_last_ = level;
    auto const& rule = *find_element(fmt::format("h{}", level));
    push(rule, attributes_of(rule, token), take_id(token));
}

void Fragment::plain_link(std::string const& address, std::string_view label) {
    make_room_for_text();
    bool const linked = std::ranges::any_of(open_, [](Open const& o) { return o.name == "a"; });
    if (address.empty() || linked) return text(label);
    body_.markup +=
        fmt::format("<a{} rel=\"noopener noreferrer nofollow\">", attribute_text("href", address));
    text(label);
    body_.markup += "</a>";
}

void Fragment::start_image(HtmlToken const& token) {
    auto const label = page_text(attribute(token, "alt"));
    auto const link = read_link(attribute(token, "src"));
    if (link.kind == LinkKind::local && options_.local) {
        if (auto const address = options_.local(link.address)) {
            make_room_for_text();
            return void_element("img", attribute_text("src", *address) +
                                           attribute_text("alt", label) +
                                           attribute_text("class", "inline-picture"));
        }
    }
    auto const name = label.empty() ? "picture" : label;
    if (link.kind == LinkKind::outside) {  // loading it would tell its owner who reads this
        note("picture from elsewhere, now a link");
        return plain_link(link.address, name);
    }
    if (link.kind == LinkKind::none && has_attribute(token, "src")) note("address of a picture");
    plain_link("", fmt::format("[{}]", name));
}

void Fragment::start_player(HtmlToken const& token) {
    auto const link = read_link(attribute(token, "src"));
    if (link.kind == LinkKind::outside) plain_link(link.address, token.name);
}

void Fragment::start_link(ElementRule const& rule, HtmlToken const& token) {
    auto const linked = std::ranges::find(open_, "a", &Open::name);
    if (linked != open_.end()) {  // a link cannot hold another one
        auto const depth = static_cast<std::size_t>(linked - open_.begin());
        while (open_.size() > depth) pop();
    }
    make_room_for_text();
    auto const id = take_id(token);
    auto link = read_link(attribute(token, "href"));
    std::optional<std::string> address;
    if (link.kind == LinkKind::outside) address = link.address;
    if (link.kind == LinkKind::local && options_.local) address = options_.local(link.address);
    if (address) {
        return push(rule,
                    attribute_text("href", *address) +
                        attribute_text("rel", "noopener noreferrer nofollow"),
                    id);
    }
    if (link.kind == LinkKind::none && !attribute(token, "href").empty()) note("link address");
    push(rule, attributes_of(rule, token), id);
    if (link.kind != LinkKind::fragment) return;
    auto const target = options_.id_prefix + id_of(std::string_view(link.address).substr(1));
    auto const href = attribute_text("href", "#" + target);
    body_.markup.pop_back();
    fragments_.push_back({body_.markup.size(), href.size(), target});
    body_.markup += href + '>';
}

void Fragment::void_element(std::string_view name, std::string_view attributes) {
    body_.markup +=
        fmt::format("<{}{}{}>", name, attributes, options_.markup == Markup::xhtml ? "/" : "");
}

bool Fragment::closes(Open const& open, std::string_view name) const {
    auto const* rule = find_element(name);
    if (!rule) return false;
    if (rule->role == heading) return open.rule->role == heading;
    return open.rule->name == rule->name;
}

void Fragment::end(std::string_view name) {
    drop_text_ = false;
    auto const* rule = find_element(name);
    if (!rule || rule->out.empty() || rule->role == line_break || rule->role == ElementRole::rule ||
        rule->role == image) {
        return;
    }
    if (unwrapped_ > 0) {
        --unwrapped_;
        return;
    }
    for (auto i = open_.size(); i-- > 0;) {
        if (closes(open_[i], name)) {
            while (open_.size() > i) pop();
            return;
        }
        // An inline end does not reach out of its block, nothing out of its cell.
        auto const role = open_[i].rule->role;
        if (rule->role == inline_ && role != inline_) return;
        bool const of_table = rule->role == table || rule->role == row;
        if (role == cell && !of_table) return;
    }
}

void Fragment::text(std::string_view text) {
    if (drop_text_ || text.empty()) return;
    if (blank_text(text)) {
        bool const between_blocks =
            open_.empty() || top() == list || top() == table || top() == row;
        if (!between_blocks) body_.markup += text;
        return plain(" ");
    }
    make_room_for_text();
    escape_text(body_.markup, text);
    plain(text);
    maybe_cut();
}

void Fragment::plain(std::string_view text) {
    auto const left =
        options_.plain_bytes_max - std::min(options_.plain_bytes_max, body_.plain.size());
    if (text.size() > left) {
        std::size_t end = left;
        while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
        text = text.substr(0, end);
    }
    body_.plain += text;
}

void Fragment::plain_break() {
    if (!body_.plain.empty() && body_.plain.back() != '\n') plain("\n");
}

/// Closes all that is open, remembers the place, and opens it again: between any two texts the
/// markup can be cut into well-formed pieces. Between top-level blocks that costs nothing.
void Fragment::maybe_cut() {
    auto const limit = options_.piece_bytes;
    if (limit == 0) return;
    auto const since = body_.markup.size() - (body_.cuts.empty() ? 0 : body_.cuts.back());
    if (since < (open_.empty() ? limit / 2 : limit)) return;
    for (auto i = open_.size(); i-- > 0;) body_.markup += fmt::format("</{}>", open_[i].name);
    body_.cuts.push_back(body_.markup.size());
    for (auto const& open : open_) body_.markup += open.tag;
}

/// A link within the body whose target does not exist loses its address.
void Fragment::resolve_fragments() {
    std::string out;
    std::size_t done = 0, next_cut = 0;
    auto& cuts = body_.cuts;
    bool const in_pieces = !cuts.empty();  // nothing leads from one piece to the other
    for (auto const& link : fragments_) {
        if (ids_.contains(link.id) && !in_pieces) continue;
        auto const removed = done - out.size();
        for (; next_cut < cuts.size() && cuts[next_cut] <= link.offset; ++next_cut) {
            cuts[next_cut] -= removed;
        }
        out.append(body_.markup, done, link.offset - done);
        done = link.offset + link.length;
    }
    auto const removed = done - out.size();
    for (; next_cut < cuts.size(); ++next_cut) cuts[next_cut] -= removed;
    out.append(body_.markup, done);
    body_.markup = std::move(out);
}

SafeBody Fragment::finish() {
    while (!open_.empty()) pop();
    if (!fragments_.empty()) resolve_fragments();
    if (!body_.cuts.empty() && body_.cuts.back() == body_.markup.size()) body_.cuts.pop_back();
    for (auto const& [what, count] : removed_) {
        body_.removed.push_back(count == 1 ? what : fmt::format("{} × {}", count, what));
    }
    while (!body_.plain.empty() && blank_text(body_.plain.substr(body_.plain.size() - 1))) {
        body_.plain.pop_back();
    }
    return std::move(body_);
}

}  // namespace perdure::format
