#include "format/document/epub/cover.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "crypto/hash.h"
#include "format/document/code_points.h"
#include "format/document/language.h"
#include "format/document/page_text.h"

namespace perdure::format {

namespace {

constexpr std::size_t lines_max = 6;

struct Palette {
    std::string_view paper, ink, accent;
};
constexpr Palette palettes[] = {
    {"#f4eee3", "#2a2420", "#8a2f1d"}, {"#ecefe9", "#1f2a25", "#2f5d4a"},
    {"#eaeef3", "#1d2733", "#2c4f78"}, {"#f3ecdf", "#2d2618", "#8a6414"},
    {"#f1eaf0", "#2a2030", "#6b3566"},
};

/// About how wide a character is, in parts of a capital letter.
unsigned width_of(char32_t c) {
    if (c >= 0x1100 &&
        (c <= 0x115f || (c >= 0x2e80 && c <= 0xd7ff) || (c >= 0xf900 && c <= 0xfaff) ||
         (c >= 0xff00 && c <= 0xff60) || c >= 0x1f300)) {
        return 2;
    }
    return 1;
}

unsigned width_of(std::string_view text) {
    unsigned width = 0;
    while (!text.empty()) width += width_of(take_code_point(text));
    return width;
}

/// Greedy lines of at most `width`; words longer than that are cut.
std::vector<std::string> lines_of(std::string_view text, unsigned width) {
    std::vector<std::string> lines(1);
    unsigned used = 0;
    while (!text.empty()) {
        auto const end = std::min(text.find(' '), text.size());
        auto word = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (used > 0 && used + 1 + width_of(word) > width) {
            lines.emplace_back();
            used = 0;
        }
        if (used > 0) {
            lines.back() += ' ';
            ++used;
        }
        while (!word.empty()) {
            auto rest = word;
            auto const sign = width_of(take_code_point(rest));
            if (used + sign > width) {
                lines.emplace_back();
                used = 0;
            }
            lines.back().append(word, 0, word.size() - rest.size());
            used += sign;
            word = rest;
        }
    }
    return lines;
}

void text_line(std::string& out, int y, int size, std::string_view fill, std::string_view weight,
               std::string_view text, bool right_to_left) {
    out += fmt::format(
        R"(<text x="{}" y="{}" font-size="{}" fill="{}" font-weight="{}"{}>{}</text>
)",
        right_to_left ? 1440 : 160, y, size, fill, weight,
        right_to_left ? R"( direction="rtl")" : "", escaped(text));
}

/// Bands whose heights come from the title's digest: a cover of its own for each book.
std::string ornament(crypto::Digest const& digest, Palette const& palette) {
    std::string out;
    int y = 1440;
    for (std::size_t i = 1; i < 13; ++i) {
        auto const byte = static_cast<int>(digest.bytes[i]);
        int const height = 6 + byte % 44;
        out += fmt::format(
            R"(<rect x="160" y="{}" width="{}" height="{}" fill="{}" opacity="{:.2f}"/>
)",
            y, 320 + byte * 960 / 255, height, palette.accent, 0.25 + byte % 60 / 100.0);
        y += height + 16;
    }
    return out;
}

}  // namespace

std::string render_cover(CoverText const& text) {
    auto const digest = crypto::sha256(as_bytes(text.title));
    auto const& palette = palettes[static_cast<std::size_t>(digest.bytes[0]) % std::size(palettes)];
    bool const right_to_left = language_of(text.title).right_to_left;
    unsigned const room = width_of(text.title) <= 24 ? 9 : width_of(text.title) <= 70 ? 14 : 20;
    int const size = static_cast<int>(2050 / room);
    auto lines = lines_of(text.title, room);
    if (lines.size() > lines_max) {
        lines.resize(lines_max);
        lines.back() += "…";
    }
    std::string out = fmt::format(
        R"(<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="1600" height="2400" viewBox="0 0 1600 2400" )"
        R"(font-family="Georgia, 'Noto Serif', 'Times New Roman', serif">
<title>{}</title>
<rect width="1600" height="2400" fill="{}"/>
<rect width="52" height="2400" fill="{}"/>
)",
        escaped(text.title), palette.paper, palette.accent);
    int y = 380;
    for (auto const& line : lines) {
        text_line(out, y, size, palette.ink, "700", line, right_to_left);
        y += size * 118 / 100;
    }
    if (!text.subtitle.empty()) {
        text_line(out, y + 20, 76, palette.accent, "400", text.subtitle, right_to_left);
    }
    out += ornament(digest, palette);
    text_line(out, 2240, 54, palette.ink, "400", text.foot, false);
    return out + "</svg>\n";
}

}  // namespace perdure::format
