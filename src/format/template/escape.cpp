#include "format/template/escape.h"

#include <fmt/format.h>

#include <array>

#include "base/ascii.h"
#include "base/utf8.h"
#include "format/document/markdown_text.h"
#include "format/record/json_text.h"
#include "format/record/xml/xml_text.h"
#include "format/text.h"

namespace perdure::format {

namespace {

struct Named {
    std::string_view name;
    Escape escape;
};
constexpr Named by_name[] = {{"text", Escape::text},  {"html", Escape::html},
                             {"xml", Escape::xml},    {"csv", Escape::csv},
                             {"json", Escape::json},  {"markdown", Escape::markdown},
                             {"latex", Escape::latex}};
constexpr Named by_extension[] = {
    {"html", Escape::html},   {"htm", Escape::html},    {"xml", Escape::xml},
    {"atom", Escape::xml},    {"rss", Escape::xml},     {"svg", Escape::xml},
    {"opml", Escape::xml},    {"csv", Escape::csv},     {"json", Escape::json},
    {"ndjson", Escape::json}, {"md", Escape::markdown}, {"markdown", Escape::markdown},
    {"tex", Escape::latex}};

void append_markup(std::string& out, std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        auto const length = utf8_length(text.substr(i));
        auto const character = text.substr(i, length);
        i += length;
        if (character == "\"") {
            out += "&quot;";
        } else if (character == "'") {
            out += "&#39;";
        } else if (character == "`") {
            out += "&#96;";  // old browsers end an attribute with it
        } else if (!xml_can_hold(character)) {
            out += "\xef\xbf\xbd";
        } else {
            xml_content(out, character);
        }
    }
}

void append_csv(std::string& out, std::string_view text) {
    bool const plain = text.find_first_of("\",\r\n;\t") == text.npos && !text.starts_with(' ') &&
                       !text.ends_with(' ');
    if (plain) {
        out += text;
        return;
    }
    out += '"';
    for (char const c : text) {
        if (c == '"') out += '"';
        out += c;
    }
    out += '"';
}

void append_latex(std::string& out, std::string_view text) {
    for (char const c : text) {
        if (std::string_view("{}$&#_%").contains(c)) {
            out += '\\';
            out += c;
        } else if (c == '\\') {
            out += "\\textbackslash{}";
        } else if (c == '^') {
            out += "\\textasciicircum{}";
        } else if (c == '~') {
            out += "\\textasciitilde{}";
        } else if (c != '\0') {
            out += c;
        }
    }
}

std::string_view without_suffix(std::string_view name) {
    for (std::string_view const suffix : {".mustache", ".template", ".tmpl"}) {
        if (name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
    }
    return name;
}

}  // namespace

Result<Escape> escape_of_name(std::string_view name) {
    std::string known;
    for (auto const& each : by_name) {
        if (each.name == name) return each.escape;
        known += (known.empty() ? "" : ", ") + std::string(each.name);
    }
    return fail(Fault::invalid, fmt::format("\"{}\" is no way to escape", name))
        .with_fix("take one of: " + known);
}

std::string_view escape_name(Escape escape) {
    for (auto const& each : by_name) {
        if (each.escape == escape) return each.name;
    }
    return "text";
}

std::string extension_of_template(std::string_view file_name) {
    auto const name = without_suffix(file_name);
    auto const dot = name.rfind('.');
    if (dot == name.npos || name.find('/', dot) != name.npos) return "txt";
    auto const extension = ascii_lower(name.substr(dot + 1));
    bool const plain =
        !extension.empty() && extension.size() <= 10 &&
        extension.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789") == extension.npos;
    return plain ? extension : "txt";
}

Escape escape_of_file(std::string_view file_name) {
    auto const extension = extension_of_template(file_name);
    for (auto const& each : by_extension) {
        if (each.name == extension) return each.escape;
    }
    return Escape::text;
}

void append_escaped(std::string& out, std::string_view text, Escape escape) {
    std::string repaired;
    if (!is_utf8(text)) {
        repaired = repair_utf8(text);
        text = repaired;
    }
    switch (escape) {
        case Escape::html:
        case Escape::xml:
            return append_markup(out, text);
        case Escape::csv:
            return append_csv(out, text);
        case Escape::json: {
            std::string quoted;
            json_string(quoted, text);
            out.append(quoted, 1, quoted.size() - 2);
            return;
        }
        case Escape::markdown:
            out += markdown_escaped(text);
            return;
        case Escape::latex:
            return append_latex(out, text);
        case Escape::text:
            out += text;
    }
}

}  // namespace perdure::format
