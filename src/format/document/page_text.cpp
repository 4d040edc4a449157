#include "format/document/page_text.h"

#include <algorithm>

#include "base/utf8.h"
#include "format/document/code_points.h"
#include "format/text.h"

namespace perdure::format {

namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";

bool plain_ascii(unsigned char c) {
    return (c >= 0x20 && c < 0x7f) || c == '\n' || c == '\t';
}

bool forbidden(char32_t c) {
    return (c >= 0x80 && c < 0xa0) || (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe;
}

/// U+2400 and on are pictures of the control characters: what was there can still be read.
void control_picture(std::string& out, unsigned char c) {
    out += "\xe2\x90";
    out += static_cast<char>(c == 0x7f ? 0xa1 : 0x80 + c);
}

}  // namespace

std::string TextFlaws::describe() const {
    if (bad_utf8 && controls) {
        return "bytes that are not UTF-8 became U+FFFD, control characters signs for them";
    }
    return bad_utf8 ? "bytes that are not UTF-8 became U+FFFD"
                    : "control characters became signs for them";
}

std::string page_text(std::string_view text, TextFlaws& flaws) {
    if (std::ranges::all_of(text,
                            [](char c) { return plain_ascii(static_cast<unsigned char>(c)); }))
        return std::string(text);
    std::string repaired;
    if (!is_utf8(text)) {
        flaws.bad_utf8 = true;
        repaired = repair_utf8(text);
        text = repaired;
    }
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size();) {
        auto const c = static_cast<unsigned char>(text[i]);
        if (c < 0x80) {
            ++i;
            if (plain_ascii(c)) {
                out += static_cast<char>(c);
            } else if (c == '\r') {
                if (i == text.size() || text[i] != '\n') out += '\n';
            } else {
                flaws.controls = true;
                control_picture(out, c);
            }
            continue;
        }
        auto rest = text.substr(i, 4);
        bool const bad = forbidden(take_code_point(rest));
        auto const character =
            text.substr(i, std::min<std::size_t>(4, text.size() - i) - rest.size());
        i += character.size();
        if (bad) {
            flaws.controls = true;
            out += replacement;
        } else {
            out += character;
        }
    }
    return out;
}

std::string page_text(std::string_view text) {
    TextFlaws ignored;
    return page_text(text, ignored);
}

void escape_text(std::string& out, std::string_view text) {
    for (char const c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            default:
                out += c;
        }
    }
}

void escape_attribute(std::string& out, std::string_view text) {
    for (char const c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\n':
                out += "&#10;";
                break;
            case '\t':
                out += "&#9;";
                break;
            default:
                out += c;
        }
    }
}

std::string escaped(std::string_view text) {
    std::string out;
    escape_attribute(out, text);
    return out;
}

std::string shortened(std::string_view text, std::size_t bytes_max) {
    std::string out;
    std::size_t word_end = 0;
    for (std::size_t i = 0; i < text.size();) {
        auto const c = static_cast<unsigned char>(text[i]);
        auto const length = std::max<std::size_t>(utf8_length(text.substr(i, 4)), 1);
        bool const blank = c <= 0x20;
        if (blank && !out.empty() && out.back() != ' ') {
            word_end = out.size();
            out += ' ';
        } else if (!blank) {
            if (out.size() + length > bytes_max) {
                if (word_end > bytes_max * 2 / 3) out.resize(word_end);
                while (out.ends_with(' ')) out.pop_back();
                return out + "…";
            }
            out.append(text, i, length);
        }
        i += length;
    }
    while (out.ends_with(' ')) out.pop_back();
    return out;
}

}  // namespace perdure::format
