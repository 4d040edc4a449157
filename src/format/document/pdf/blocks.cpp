#include "format/document/pdf/blocks.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/document/body/body.h"
#include "format/document/body/html_tokens.h"

namespace perdure::format::pdf {

namespace {

/// Builds blocks from markup of safe_body(): well-formed, of known elements only.
class Builder {
public:
    void start(HtmlToken const& token);
    void end(std::string const& name);
    void text(std::string const& text);
    std::vector<Block> take() {
        close();
        return std::move(blocks_);
    }

private:
    struct List {
        bool ordered;
        unsigned next;
    };
    struct Open {
        std::string name;
        Span span;
    };
    void close();
    void open(Block::Kind kind);
    Text& target();
    void start_inline(HtmlToken const& token);
    void end_inline(std::string const& name);
    void start_item();

    std::vector<Block> blocks_;
    Block block_;
    bool has_block_ = false;
    std::vector<Open> inline_;
    std::vector<List> lists_;
    std::string marker_;
    unsigned quotes_ = 0;
    bool in_code_ = false, in_row_ = false;
};

bool is_blank(std::string_view text) {
    return text.find_first_not_of(" \t\n\r") == text.npos;
}

std::string attribute(HtmlToken const& token, std::string_view name) {
    for (auto const& one : token.attributes) {
        if (one.name == name) return one.value;
    }
    return {};
}

Text& Builder::target() {
    if (in_row_) {
        if (block_.cells.empty()) block_.cells.emplace_back();
        return block_.cells.back();
    }
    return block_.text;
}

void Builder::close() {
    if (!has_block_) return;
    has_block_ = false;
    auto& text = block_.text;
    if (block_.kind != Block::Kind::code) {
        while (!text.text.empty() && (text.text.back() == ' ' || text.text.back() == '\n')) {
            text.text.pop_back();
        }
    } else if (text.text.ends_with('\n')) {
        text.text.pop_back();
    }
    // safe_body() writes a checkbox as its picture: it takes the place of the bullet.
    bool const box = text.text.starts_with("\u2610") || text.text.starts_with("\u2611");
    if (block_.kind == Block::Kind::item && box && text.spans.empty()) {
        block_.marker = text.text.substr(0, 3);
        text.text.erase(0, text.text.find_first_not_of(' ', 3));
    }
    for (auto& span : text.spans) span.end = std::min(span.end, text.text.size());
    std::erase_if(text.spans, [](Span const& span) { return span.begin >= span.end; });
    bool const empty = text.text.empty() && block_.cells.empty() && block_.marker.empty() &&
                       block_.kind != Block::Kind::rule;
    if (!empty) blocks_.push_back(std::move(block_));
    block_ = {};
}

void Builder::open(Block::Kind kind) {
    close();
    block_ = {};
    block_.kind = kind;
    has_block_ = true;
    bool const plain = kind == Block::Kind::paragraph;
    if (plain && !lists_.empty()) {
        block_.kind = Block::Kind::item;
        block_.level = static_cast<unsigned>(lists_.size());
        block_.marker = std::exchange(marker_, {});
    } else if (plain && quotes_ > 0) {
        block_.kind = Block::Kind::quote;
    }
}

void Builder::start_item() {
    close();
    if (lists_.empty()) lists_.push_back({false, 1});
    auto& list = lists_.back();
    marker_ = list.ordered             ? fmt::format("{}.", list.next++)
              : lists_.size() % 2 == 1 ? "\u2022"
                                       : "\u2013";
}

bool is_inline(std::string_view name) {
    static constexpr std::string_view names[] = {
        "a",   "abbr", "b", "bdi", "bdo",  "cite", "code",  "del",    "dfn", "em",  "i", "ins",
        "kbd", "mark", "q", "s",   "samp", "span", "small", "strong", "sub", "sup", "u", "var"};
    return std::ranges::find(names, name) != std::end(names);
}

void Builder::start_inline(HtmlToken const& token) {
    if (!has_block_) open(Block::Kind::paragraph);
    auto const& name = token.name;
    Span span;
    if (!inline_.empty()) span = inline_.back().span;
    span.bold |= name == "b" || name == "strong";
    span.italic |= name == "i" || name == "em" || name == "cite" || name == "var" || name == "dfn";
    span.mono |= name == "code" || name == "kbd" || name == "samp";
    span.strike |= name == "s" || name == "del";
    span.underline |= name == "u" || name == "ins";
    if (name == "sup") span.shift = 1;
    if (name == "sub") span.shift = -1;
    if (name == "a") span.link = attribute(token, "href");
    if (!span.link.starts_with("http") && !span.link.starts_with("mailto:")) span.link.clear();
    if (name == "q") text("\u201c");
    inline_.push_back({name, std::move(span)});
}

void Builder::end_inline(std::string const& name) {
    auto const found = std::find_if(inline_.rbegin(), inline_.rend(),
                                    [&](Open const& one) { return one.name == name; });
    if (found == inline_.rend()) return;
    inline_.erase(found.base() - 1, inline_.end());
    if (name == "q") text("\u201d");
}

void Builder::start(HtmlToken const& token) {
    auto const& name = token.name;
    if (is_inline(name)) return start_inline(token);
    if (name == "br") {
        if (has_block_) target().text += in_code_ ? "\n" : "\u2028";
    } else if (name == "p" || name == "caption") {
        open(Block::Kind::paragraph);
    } else if (name.size() == 2 && name[0] == 'h' && name[1] >= '1' && name[1] <= '6') {
        open(Block::Kind::heading);
        block_.level = static_cast<unsigned>(name[1] - '0');
    } else if (name == "pre") {
        open(Block::Kind::code);
        in_code_ = true;
    } else if (name == "blockquote") {
        close();
        ++quotes_;
    } else if (name == "ul" || name == "ol") {
        close();
        unsigned first = 1;
        auto const start = attribute(token, "start");
        if (!start.empty() && start.size() < 9 && std::ranges::all_of(start, ::isdigit)) {
            first = static_cast<unsigned>(std::stoul(start));
        }
        lists_.push_back({name == "ol", first});
    } else if (name == "li") {
        start_item();
    } else if (name == "hr") {
        open(Block::Kind::rule);
        close();
    } else if (name == "tr") {
        open(Block::Kind::row);
        in_row_ = true;
    } else if (name == "td" || name == "th") {
        if (!in_row_) return;
        block_.cells.emplace_back();
        block_.header |= name == "th";
    } else if (name == "input") {
        bool const checked = std::ranges::any_of(
            token.attributes, [](HtmlAttribute const& one) { return one.name == "checked"; });
        if (!has_block_) open(Block::Kind::paragraph);
        block_.marker = checked ? "\u2611" : "\u2610";
    } else {
        close();  // div and table
    }
}

void Builder::end(std::string const& name) {
    if (is_inline(name)) return end_inline(name);
    if (in_row_ && name != "tr") return;
    if (name == "pre") in_code_ = false;
    if (name == "blockquote" && quotes_ > 0) --quotes_;
    if (name == "tr") in_row_ = false;
    if (name == "br" || name == "input" || name == "img" || name == "hr") return;
    if (name == "li" && !marker_.empty() && !has_block_) open(Block::Kind::paragraph);
    close();
    if ((name == "ul" || name == "ol") && !lists_.empty()) lists_.pop_back();
    if (name == "li") marker_.clear();
}

void Builder::text(std::string const& text) {
    if (!has_block_) {
        if (is_blank(text)) return;
        open(Block::Kind::paragraph);
    }
    auto& into = target();
    auto const begin = into.text.size();
    if (in_code_) {
        into.text += text;
    } else {
        for (char const c : text) {
            bool const blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
            bool const doubled =
                into.text.empty() || into.text.back() == ' ' || into.text.ends_with("\u2028");
            if (!blank) {
                into.text += c;
            } else if (!doubled) {
                into.text += ' ';
            }
        }
    }
    if (inline_.empty() || into.text.size() == begin) return;
    auto span = inline_.back().span;
    span.begin = begin;
    span.end = into.text.size();
    into.spans.push_back(std::move(span));
}

}  // namespace

Blocks blocks_of(std::string_view body, std::string_view format) {
    BodyOptions options;
    options.markup = Markup::xhtml;
    options.heading_level = 2;
    options.plain_bytes_max = 0;
    auto safe = safe_body(body, format, options);
    Blocks out{.flaws = safe.flaws, .removed = std::move(safe.removed)};
    Builder builder;
    HtmlTokens tokens(safe.markup);
    HtmlToken token;
    while (tokens.next(token)) {
        switch (token.kind) {
            case HtmlToken::Kind::text:
                builder.text(token.text);
                break;
            case HtmlToken::Kind::start:
                builder.start(token);
                if (token.self_closing) builder.end(token.name);
                break;
            case HtmlToken::Kind::end:
                builder.end(token.name);
                break;
        }
    }
    out.blocks = builder.take();
    return out;
}

}  // namespace perdure::format::pdf
