#include "format/document/markdown_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/ascii.h"
#include "base/utf8.h"
#include "format/base64.h"
#include "format/record/json_text.h"
#include "format/text.h"

namespace perdure::format {

namespace {

bool is_word(std::string_view text) {
    auto const letter = [](char c) {
        return is_ascii_letter(c) || static_cast<unsigned char>(c) >= 0x80;
    };
    if (text.empty() || !letter(text.front()) || text.back() == ' ') return false;
    return std::ranges::all_of(text, [&](char c) {
        return letter(c) || is_ascii_digit(c) || c == ' ' || c == '_' || c == '-' || c == '/' ||
               c == '.';
    });
}

/// Words that some YAML reader takes for null, a truth or a number.
bool is_reserved(std::string_view text) {
    static constexpr std::string_view words[] = {"y",   "n",    "yes",   "no",   "on",
                                                 "off", "true", "false", "null", "nan"};
    return std::ranges::find(words, ascii_lower(text)) != std::end(words);
}

/// What YAML forbids raw, or takes for a line break, though JSON does not.
bool must_escape(std::string_view character) {
    return (character.size() == 2 && character[0] == '\xc2' &&
            static_cast<unsigned char>(character[1]) < 0xa1) ||
           character == "\xe2\x80\xa8" || character == "\xe2\x80\xa9" ||
           character == "\xef\xbb\xbf" || character == "\xef\xbf\xbe" ||
           character == "\xef\xbf\xbf";
}

std::uint32_t code_point(std::string_view character) {
    auto const at = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
    if (character.size() == 1) return at(0);
    std::uint32_t value = at(0) & (0xffu >> (character.size() + 1));
    for (std::size_t i = 1; i < character.size(); ++i) value = value << 6 | (at(i) & 63u);
    return value;
}

bool plain_scalar(std::string_view text) {
    if (!is_word(text) || is_reserved(text)) return false;
    for (std::size_t i = 0; i < text.size();) {
        auto const length = utf8_length(text.substr(i));
        if (must_escape(text.substr(i, length))) return false;
        i += length;
    }
    return true;
}

}  // namespace

void yaml_quoted(std::string& out, std::string_view text) {
    out += '"';
    for (std::size_t i = 0; i < text.size();) {
        auto const length = utf8_length(text.substr(i));
        PD_ASSERT(length > 0);
        auto const character = text.substr(i, length);
        char const c = character[0];
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\t') {
            out += "\\t";
        } else if ((length == 1 && (c < 0x20 || c == 0x7f)) || must_escape(character)) {
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", code_point(character));
        } else {
            out += character;
        }
        i += length;
    }
    out += '"';
}

void yaml_text(std::string& out, std::string_view text) {
    if (!is_utf8(text)) {
        out += "{\"$text\": \"";
        append_base64(out, as_bytes(text));
        out += "\"}";
    } else if (plain_scalar(text)) {
        out += text;
    } else {
        yaml_quoted(out, text);
    }
}

void yaml_value(std::string& out, data::ValueView const& value) {
    if (auto const* text = std::get_if<std::string_view>(&value)) return yaml_text(out, *text);
    if (auto const* bytes = std::get_if<ByteView>(&value)) {
        out += "{\"$bytes\": \"";
        append_base64(out, *bytes);
        out += "\"}";
        return;
    }
    auto const* real = std::get_if<double>(&value);
    if (!real || !std::isfinite(*real)) {
        auto const start = out.size();
        json_value(out, value);
        // YAML wants a blank after the colon of a mapping.
        if (out[start] == '{') out.insert(out.find("\":", start) + 2, " ");
        return;
    }
    // YAML 1.1 knows a number with an exponent only by its point and its sign.
    std::string digits;
    json_double(digits, *real);
    auto const exponent = digits.find('e');
    if (digits.find('.') == digits.npos) digits.insert(std::min(exponent, digits.size()), ".0");
    out += digits;
}

std::string one_line(std::string_view text) {
    std::string line;
    auto const safe = repair_utf8(text);
    for (std::size_t i = 0; i < safe.size();) {
        auto const length = utf8_length(std::string_view(safe).substr(i));
        auto const character = std::string_view(safe).substr(i, length);
        auto const c = static_cast<unsigned char>(character[0]);
        bool const blank = (length == 1 && (c < 0x20 || c == 0x7f)) || must_escape(character);
        if (!blank) {
            line += character;
        } else if (!line.empty() && line.back() != ' ') {
            line += ' ';
        }
        i += length;
    }
    while (line.ends_with(' ')) line.pop_back();
    line.erase(0, std::min(line.find_first_not_of(' '), line.size()));
    return line;
}

std::string markdown_escaped(std::string_view text) {
    std::string out;
    auto const line = one_line(text);
    for (std::size_t i = 0; i < line.size(); ++i) {
        char const c = line[i];
        bool const inside_word = c == '_' && i > 0 && i + 1 < line.size() &&
                                 std::isalnum(static_cast<unsigned char>(line[i - 1])) &&
                                 std::isalnum(static_cast<unsigned char>(line[i + 1]));
        bool const starts = i == 0 && std::string_view("+-=:").contains(c);
        // "1." and "1)" begin a list
        bool const list =
            (c == '.' || c == ')') && i > 0 && line.find_first_not_of("0123456789") == i;
        if ((std::string_view("\\`*_[]<>#|~$^&!{}").contains(c) && !inside_word) || starts ||
            list) {
            out += '\\';
        }
        out += c;
    }
    return out;
}

std::string markdown_destination(std::string_view path) {
    std::string out;
    for (char const c : path) {
        auto const byte = static_cast<unsigned char>(c);
        if (byte <= 0x20 || byte == 0x7f || std::string_view("()<>[]\\%#?\"`^|*_").contains(c)) {
            fmt::format_to(std::back_inserter(out), "%{:02X}", byte);
        } else {
            out += c;
        }
    }
    return out;
}

std::string markdown_of_text(std::string_view text) {
    std::string out;
    bool after_text = false;
    for (std::size_t start = 0; start < text.size();) {
        auto const end = std::min(text.find('\n', start), text.size());
        auto const line = text.substr(start, end - start);
        auto const indent = line.find_first_not_of(" \t\r");
        if (indent == line.npos) {
            out += '\n';
            after_text = false;
        } else {
            if (after_text) out.insert(out.size() - 1, "  ");  // a hard line break
            // Four blanks would begin a code block: they are kept as signs that do not.
            for (std::size_t i = 0; i < indent && i < 64; ++i) {
                out += line[i] == '\t' ? "&emsp;" : "&nbsp;";
            }
            out += markdown_escaped(line.substr(indent)) + '\n';
            after_text = true;
        }
        start = end + 1;
    }
    return out;
}

std::string markdown_code(std::string_view text, std::string_view language) {
    std::size_t longest = 2, run = 0;
    for (char const c : text) {
        run = c == '`' ? run + 1 : 0;
        longest = std::max(longest, run);
    }
    std::string const fence(longest + 1, '`');
    std::string out = fence;
    for (char const c : language) {
        bool const plain = std::isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '-' ||
                           c == '#' || c == '.';
        if (plain && out.size() < fence.size() + 40) out += c;
    }
    out += '\n';
    out += repair_utf8(text);
    if (!out.ends_with('\n')) out += '\n';
    return out + fence + '\n';
}

}  // namespace perdure::format
