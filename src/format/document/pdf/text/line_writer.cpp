#include "format/document/pdf/text/line_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "format/document/code_points.h"

namespace perdure::format::pdf {

namespace {

double points(int units) {
    return static_cast<double>(units) / PANGO_SCALE;
}

/// One code point each, in the order of the glyphs (from left to right).
std::vector<std::string_view> characters(std::string_view text) {
    std::vector<std::string_view> all;
    while (!text.empty()) {
        auto rest = text;
        take_code_point(rest);
        all.push_back(text.substr(0, text.size() - rest.size()));
        text = rest;
    }
    return all;
}

}  // namespace

Span const* LineWriter::span_at(std::size_t byte) const {
    for (auto const& span : source_.spans) {
        if (byte >= span.begin && byte < span.end) return &span;
    }
    return nullptr;
}

void LineWriter::begin_run(Face& face, double size, Colour colour, unsigned part) {
    auto font = face.bitmaps ? fmt::format("/F{}x{} {} Tf", face.resource, part, real(size))
                             : fmt::format("/F{} {} Tf", face.resource, real(size));
    if (font != font_) {
        flush();
        line_.operators += font + '\n';
        font_ = std::move(font);
    }
    if (colour != colour_) {
        flush();
        line_.operators +=
            fmt::format("{} {} {} rg\n", real(colour.red), real(colour.green), real(colour.blue));
        colour_ = colour;
    }
}

void LineWriter::flush() {
    if (!hex_.empty()) {
        array_ += '<' + hex_ + '>';
        hex_.clear();
    }
    if (array_.empty()) return;
    line_.operators += '[' + array_ + "]TJ\n";
    array_.clear();
}

void LineWriter::show_glyph(Face& face, double size, unsigned code, double advance,
                            PangoGlyphInfo const& info, double stretch) {
    double const at = x_ + points(info.geometry.x_offset);
    double const rise = rise_ - points(info.geometry.y_offset);
    if (std::abs(rise - rise_written_) > 0.005) {
        flush();
        append_real(line_.operators, rise);
        line_.operators += " Ts\n";
        rise_written_ = rise;
    }
    bool const fresh = array_.empty() && hex_.empty();
    if (fresh && std::abs(at - pen_) > 20 * size) {
        // A number in an array may be too large for old readers.
        line_.operators += fmt::format("{} 0 Td\n", real(at - origin_));
        origin_ = pen_ = at;
    }
    // Positions are kept as they were rounded: nothing adds up.
    auto const shift = std::llround((pen_ - at) * 1000 / size);
    if (shift != 0) {
        if (!hex_.empty()) array_ += '<' + std::exchange(hex_, {}) + '>';
        fmt::format_to(std::back_inserter(array_), "{}", shift);
        pen_ -= static_cast<double>(shift) * size / 1000;
    }
    constexpr char digits[] = "0123456789ABCDEF";
    for (int bit = face.bitmaps ? 4 : 12; bit >= 0; bit -= 4) hex_ += digits[code >> bit & 15];
    pen_ += advance * size / 1000;
    x_ += points(info.geometry.width) + stretch;
}

/// Whether every glyph can be read back as the cluster's text by its own meaning.
bool LineWriter::stands_for_itself(Face& face, PangoGlyphInfo const* glyphs,
                                   Cluster const& cluster) {
    auto const count = cluster.end_glyph - cluster.first_glyph;
    if (count == 1) {
        return FontBook::show(face, glyphs[cluster.first_glyph].glyph, cluster.text);
    }
    auto const all = characters(cluster.text);
    bool plain = all.size() == static_cast<std::size_t>(count);
    for (int i = 0; plain && i < count; ++i) {
        hb_codepoint_t nominal = 0;
        auto rest = all[static_cast<std::size_t>(i)];
        hb_font_get_nominal_glyph(face.font.get(), take_code_point(rest), &nominal);
        // A mark has no width: readers that sort by position would put it behind what follows.
        plain = nominal == glyphs[cluster.first_glyph + i].glyph &&
                glyphs[cluster.first_glyph + i].geometry.width != 0;
    }
    for (int i = 0; i < count; ++i) {
        auto const text = plain    ? all[static_cast<std::size_t>(i)]
                          : i == 0 ? cluster.text
                                   : std::string_view();
        auto const glyph = glyphs[cluster.first_glyph + i].glyph;
        if (glyph != PANGO_GLYPH_EMPTY) plain &= FontBook::show(face, glyph, text);
    }
    return plain;
}

void LineWriter::show_cluster(Face& face, double size, PangoGlyphInfo const* glyphs,
                              Cluster const& cluster) {
    bool const itself = stands_for_itself(face, glyphs, cluster);
    if (!itself) {
        flush();
        line_.operators += fmt::format("/Span<</ActualText{}>>BDC\n", text_string(cluster.text));
    }
    double const stretch = cluster.text == " " ? source_.stretch : 0;
    for (int i = cluster.first_glyph; i < cluster.end_glyph; ++i) {
        auto const glyph = glyphs[i].glyph;
        auto const code = face.bitmaps ? face.codes.at(glyph) % 255 : glyph;
        show_glyph(face, size, code, face.advance(glyph), glyphs[i],
                   i + 1 == cluster.end_glyph ? stretch : 0);
    }
    if (!itself) {
        flush();
        line_.operators += "EMC\n";
    }
}

/// No box with a number in it, but the sign that means "something else stood here"; what stood here
/// is still what a search finds.
void LineWriter::show_missing(Face& face, double size, PangoGlyphInfo info, std::string_view text) {
    hb_codepoint_t glyph = 0;
    std::string_view shown = "\xef\xbf\xbd";
    if (hb_font_get_nominal_glyph(face.font.get(), 0xfffd, &glyph) == 0) {
        shown = "?";
        hb_font_get_nominal_glyph(face.font.get(), '?', &glyph);
    }
    FontBook::show(face, glyph, shown);
    flush();
    line_.operators += fmt::format("/Span<</ActualText{}>>BDC\n", text_string(text));
    info.geometry.x_offset = info.geometry.y_offset = 0;
    show_glyph(face, size, glyph, face.advance(glyph), info, 0);
    flush();
    line_.operators += "EMC\n";
}

namespace {

/// Where in the run's text the cluster of each glyph begins. A mark that HarfBuzz keeps apart goes
/// with its base: shown alone, above the line, readers would take it for a line of its own.
std::vector<int> clusters_of(PangoGlyphString const& glyphs, std::string_view text,
                             bool right_to_left) {
    std::vector<int> clusters(glyphs.log_clusters, glyphs.log_clusters + glyphs.num_glyphs);
    auto starts = clusters;
    std::ranges::sort(starts);
    for (std::size_t i = 0; i < clusters.size(); ++i) {
        if (glyphs.glyphs[i].geometry.width != 0 || clusters[i] == 0) continue;
        auto rest = text.substr(static_cast<std::size_t>(clusters[i]));
        if (g_unichar_ismark(take_code_point(rest)) == FALSE) continue;
        auto at = std::ranges::lower_bound(starts, clusters[i]);
        while (at != starts.begin()) {  // several marks stand on one base
            --at;
            rest = text.substr(static_cast<std::size_t>(*at));
            if (g_unichar_ismark(take_code_point(rest)) == FALSE) break;
        }
        // Where shaping moved signs about, what belongs together does not stand together.
        bool const beside = right_to_left || (i > 0 && clusters[i - 1] == *at);
        if (beside) clusters[i] = *at;
    }
    return clusters;
}

}  // namespace

void LineWriter::add_run(PangoLayoutRun const& run) {
    auto const* item = run.item;
    auto const* glyphs = run.glyphs;
    auto& face = fonts_.face_of(item->analysis.font);
    auto* const pattern = pango_fc_font_get_pattern(PANGO_FC_FONT(item->analysis.font));
    double size = source_.setting.size;
    FcPatternGetDouble(pattern, FC_PIXEL_SIZE, 0, &size);
    FcMatrix* scaled = nullptr;
    if (face.bitmaps && FcPatternGetMatrix(pattern, FC_MATRIX, 0, &scaled) == FcResultMatch) {
        size *= scaled->xx;
    }
    auto const begin = static_cast<std::size_t>(item->offset);
    auto const* span = span_at(begin);
    auto const colour = span != nullptr && !span->link.empty() ? source_.setting.link_colour
                                                               : source_.setting.colour;
    double const from = x_;
    rise_ = points(run.y_offset);
    bool const right_to_left = item->analysis.level % 2 == 1;
    auto const clusters = clusters_of(*glyphs, source_.text.substr(begin), right_to_left);
    auto starts = clusters;
    std::ranges::sort(starts);
    for (int first = 0; first < glyphs->num_glyphs;) {
        int end = first + 1;
        auto const cluster = clusters[static_cast<std::size_t>(first)];
        while (end < glyphs->num_glyphs && clusters[static_cast<std::size_t>(end)] == cluster) {
            ++end;
        }
        auto const next = std::ranges::upper_bound(starts, cluster);
        auto const stop = next == starts.end() ? item->length : *next;
        auto const text = source_.text.substr(begin + static_cast<std::size_t>(cluster),
                                              static_cast<std::size_t>(stop - cluster));
        auto const glyph = glyphs->glyphs[first].glyph;
        if (glyph == PANGO_GLYPH_EMPTY) {
            for (int i = first; i < end; ++i) x_ += points(glyphs->glyphs[i].geometry.width);
        } else if ((glyph & PANGO_GLYPH_UNKNOWN_FLAG) != 0 || glyph == 0) {
            missing_.push_back(std::string(text));
            begin_run(face, size, colour, 0);
            show_missing(face, size, glyphs->glyphs[first], text);
        } else {
            if (face.bitmaps) FontBook::show(face, glyph, text);
            begin_run(face, size, colour, face.bitmaps ? face.codes.at(glyph) / 255 : 0);
            show_cluster(face, size, glyphs->glyphs, {first, end, text});
        }
        first = end;
    }
    if (span == nullptr) return;
    if (!span->link.empty()) line_.links.push_back({from, x_ - from, span->link});
    if (span->underline) {
        line_.strokes.push_back({from, -0.12 * size, x_ - from, 0.05 * size, colour});
    }
    if (span->strike) {
        line_.strokes.push_back({from, 0.26 * size, x_ - from, 0.05 * size, colour});
    }
}

Line LineWriter::finish() {
    flush();
    if (rise_written_ != 0) line_.operators += "0 Ts\n";
    line_.width = x_;
    return std::move(line_);
}

}  // namespace perdure::format::pdf
