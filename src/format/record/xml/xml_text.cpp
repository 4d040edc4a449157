#include "format/record/xml/xml_text.h"

#include <array>

#include "base/utf8.h"
#include "format/base64.h"

namespace perdure::format {

namespace {

enum class Place { content, attribute };

constexpr auto suspects = [] {
    std::array<unsigned char, 256> table{};
    for (unsigned c = 0; c < 0x20; ++c) table[c] = 1;
    table['\t'] = table['\n'] = table['\r'] = 0;
    for (unsigned c = 0x80; c < 0x100; ++c) table[c] = 1;
    return table;
}();

std::string_view escape_of(char c, Place place) {
    switch (c) {
        case '&':
            return "&amp;";
        case '<':
            return "&lt;";
        case '>':
            return "&gt;";
        case '\r':
            return "&#13;";
        case '"':
            return place == Place::attribute ? "&quot;" : "";
        case '\n':
            return place == Place::attribute ? "&#10;" : "";
        case '\t':
            return place == Place::attribute ? "&#9;" : "";
        default:
            return "";
    }
}

constexpr auto escapable = [] {
    std::array<bool, 256> table{};
    for (unsigned char const c : {'&', '<', '>', '\r', '"', '\n', '\t'}) table[c] = true;
    return table;
}();

void escape(std::string& out, std::string_view text, Place place) {
    std::size_t start = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (!escapable[static_cast<unsigned char>(text[i])]) continue;
        auto const spelt = escape_of(text[i], place);
        if (spelt.empty()) continue;
        out.append(text, start, i - start);
        out += spelt;
        start = i + 1;
    }
    out.append(text, start);
}

}  // namespace

bool xml_can_hold(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        auto const c = static_cast<unsigned char>(text[i]);
        if (suspects[c] == 0) {
            ++i;
            continue;
        }
        if (c < 0x20) return false;
        auto const rest = text.substr(i);
        auto const length = utf8_length(rest);
        if (length == 0 || rest.starts_with("\xef\xbf\xbe") || rest.starts_with("\xef\xbf\xbf")) {
            return false;
        }
        i += length;
    }
    return true;
}

void xml_content(std::string& out, std::string_view text) {
    escape(out, text, Place::content);
}

void xml_attribute(std::string& out, std::string_view text) {
    escape(out, text, Place::attribute);
}

void xml_attribute_or_base64(std::string& out, std::string_view name, std::string_view text) {
    out += ' ';
    out += name;
    if (xml_can_hold(text)) {
        out += "=\"";
        xml_attribute(out, text);
    } else {
        out += "-base64=\"";
        append_base64(out, as_bytes(text));
    }
    out += '"';
}

void xml_rest(std::string& out, std::string_view text) {
    if (xml_can_hold(text)) {
        out += '>';
        xml_content(out, text);
    } else {
        out += " encoding=\"base64\">";
        append_base64(out, as_bytes(text));
    }
}

}  // namespace perdure::format
