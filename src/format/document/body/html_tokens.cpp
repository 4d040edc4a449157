#include "format/document/body/html_tokens.h"

#include <libxml/HTMLparser.h>

#include <algorithm>
#include <charconv>

#include "base/ascii.h"
#include "base/utf8.h"
#include "format/document/body/elements.h"

namespace perdure::format {

namespace {

constexpr std::size_t text_bytes_max = 32 << 10;  // of one text token
constexpr std::size_t name_bytes_max = 32;
constexpr std::size_t attributes_max = 32;

bool letter(char c) {
    return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}
bool blank(char c) {
    return c == ' ' || c == '\n' || c == '\t' || c == '\f' || c == '\r';
}

void put_code_point(std::string& out, std::uint32_t c) {
    bool const control = c < 0x20 && c != '\t' && c != '\n';
    bool const none = control || (c >= 0x7f && c < 0xa0) || (c >= 0xd800 && c < 0xe000) ||
                      (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe || c > 0x10ffff;
    if (none) c = 0xfffd;
    append_utf8(out, c);
}

/// The number or name between '&' and ';', or nothing.
bool put_entity(std::string& out, std::string_view name) {
    if (name.empty()) return false;
    if (name[0] == '#') {
        name.remove_prefix(1);
        bool const hex = !name.empty() && ascii_lower(name[0]) == 'x';
        if (hex) name.remove_prefix(1);
        std::uint32_t number = 0;
        auto const [end, error] =
            std::from_chars(name.data(), name.data() + name.size(), number, hex ? 16 : 10);
        if (name.empty() || end != name.data() + name.size()) return false;
        put_code_point(out, error == std::errc() ? number : 0xfffd);
        return true;
    }
    std::string const key(name);
    if (key == "apos") {
        out += '\'';
        return true;
    }
    auto const* found = htmlEntityLookup(reinterpret_cast<xmlChar const*>(key.c_str()));
    if (!found) return false;
    put_code_point(out, found->value);
    return true;
}

/// Where `</name` stands, without regard to case.
std::size_t find_end_tag(std::string_view text, std::string_view name) {
    for (auto at = text.find("</"); at != text.npos; at = text.find("</", at + 2)) {
        auto const candidate = text.substr(at + 2, name.size());
        if (ascii_same(candidate, name)) return at;
    }
    return text.npos;
}

}  // namespace

void decode_entities(std::string& out, std::string_view text) {
    while (true) {
        auto const at = text.find('&');
        out.append(text, 0, at);
        if (at == text.npos) return;
        text.remove_prefix(at + 1);
        auto const end = text.substr(0, 40).find(';');
        if (end != text.npos && put_entity(out, text.substr(0, end))) {
            text.remove_prefix(end + 1);
        } else {
            out += '&';
        }
    }
}

void HtmlTokens::take_text(HtmlToken& token, std::size_t length) {
    if (length > text_bytes_max) {
        length = text_bytes_max;
        // Not inside a character, nor inside an entity.
        while ((static_cast<unsigned char>(rest_[length]) & 0xc0) == 0x80) --length;
        auto const entity = rest_.substr(0, length).rfind('&');
        if (entity != rest_.npos && entity > 0 && length - entity < 40) length = entity;
    }
    token.kind = HtmlToken::Kind::text;
    token.text.clear();
    decode_entities(token.text, rest_.substr(0, length));
    rest_.remove_prefix(length);
}

void HtmlTokens::raw_text(HtmlToken& token) {
    token.kind = HtmlToken::Kind::text;
    token.text.assign(rest_.substr(0, find_end_tag(rest_, raw_name_)));
    rest_.remove_prefix(token.text.size());
    raw_name_.clear();
}

bool HtmlTokens::next(HtmlToken& token) {
    while (!rest_.empty()) {
        if (!raw_name_.empty()) {
            raw_text(token);
            return true;
        }
        if (only_text_) {
            take_text(token, rest_.size());
            return true;
        }
        if (rest_[0] != '<') {
            take_text(token, std::min(rest_.find('<'), rest_.size()));
            return true;
        }
        char const after = rest_.size() > 1 ? rest_[1] : ' ';
        bool const end_tag = after == '/' && rest_.size() > 2 && letter(rest_[2]);
        if (after == '!' || after == '?') {
            if (declaration()) continue;
        } else if (letter(after) || end_tag) {
            if (tag(token)) return true;
        } else {
            // A sign of its own, with the text up to the next one.
            take_text(token, std::min(rest_.find('<', 1), rest_.size()));
            return true;
        }
        only_text_ = true;  // it never ends
    }
    return false;
}

bool HtmlTokens::declaration() {
    bool const comment = rest_.starts_with("<!--");
    bool const data = rest_.starts_with("<![CDATA[");
    std::string_view const closing = comment ? "-->" : data ? "]]>" : ">";
    // "<!-->" is a whole comment.
    auto const end = rest_.find(closing, comment ? 2 : 1);
    if (end == rest_.npos) return false;
    rest_.remove_prefix(end + closing.size());
    return true;
}

bool HtmlTokens::tag(HtmlToken& token) {
    auto const whole = rest_;
    bool const end_tag = rest_[1] == '/';
    token.kind = end_tag ? HtmlToken::Kind::end : HtmlToken::Kind::start;
    token.name.clear();
    token.attributes.clear();
    token.self_closing = false;
    rest_.remove_prefix(end_tag ? 2 : 1);
    while (!rest_.empty() && !blank(rest_[0]) && rest_[0] != '/' && rest_[0] != '>') {
        if (token.name.size() <= name_bytes_max) token.name += ascii_lower(rest_[0]);
        rest_.remove_prefix(1);
    }
    while (!rest_.empty()) {
        if (rest_[0] == '>') {
            rest_.remove_prefix(1);
            if (!end_tag && holds_raw_text(token.name)) begin_raw(token);
            return true;
        }
        token.self_closing = rest_[0] == '/';
        if (rest_[0] == '/' || blank(rest_[0])) {
            rest_.remove_prefix(1);
        } else if (!attribute(token)) {
            break;
        }
    }
    rest_ = whole;
    return false;
}

void HtmlTokens::begin_raw(HtmlToken& token) {
    if (find_end_tag(rest_, token.name) != rest_.npos) {
        raw_name_ = token.name;
    } else {  // never closed: what follows is not lost, but text
        only_text_ = true;
        token.name.clear();
    }
}

bool HtmlTokens::attribute(HtmlToken& token) {
    HtmlAttribute found;
    do {  // an '=' in front belongs to the name
        if (found.name.size() <= name_bytes_max) found.name += ascii_lower(rest_[0]);
        rest_.remove_prefix(1);
    } while (!rest_.empty() && !blank(rest_[0]) && !std::string_view("/>=").contains(rest_[0]));
    auto const after_name = rest_;
    while (!rest_.empty() && blank(rest_[0])) rest_.remove_prefix(1);
    if (!rest_.empty() && rest_[0] == '=') {
        rest_.remove_prefix(1);
        if (!attribute_value(found.value)) return false;
    } else {
        rest_ = after_name;
    }
    if (token.attributes.size() < attributes_max) token.attributes.push_back(std::move(found));
    return true;
}

bool HtmlTokens::attribute_value(std::string& value) {
    while (!rest_.empty() && blank(rest_[0])) rest_.remove_prefix(1);
    if (rest_.empty()) return false;
    std::size_t end = 0, skip = 0;
    if (rest_[0] == '"' || rest_[0] == '\'') {
        char const quote = rest_[0];
        rest_.remove_prefix(1);
        end = rest_.find(quote);
        skip = 1;
        if (end == rest_.npos) return false;
    } else {
        while (end < rest_.size() && !blank(rest_[end]) && rest_[end] != '>') ++end;
    }
    decode_entities(value, rest_.substr(0, end));
    rest_.remove_prefix(end + skip);
    return true;
}

}  // namespace perdure::format
