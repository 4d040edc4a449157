#include "format/document/pdf/text/typeset.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#include "format/document/code_points.h"
#include "format/document/pdf/text/line_writer.h"

namespace perdure::format::pdf {

namespace {

/// Pango keeps about a hundred bytes for each one of a layout: longer paragraphs are set in parts.
constexpr std::size_t part_bytes_max = 24 << 10;
/// How much a blank may grow (in sizes) before a line looks torn and rather stays ragged.
constexpr double stretch_max = 0.24;

int units(double points) {
    return static_cast<int>(std::lround(points * PANGO_SCALE));
}

double points(int value) {
    return static_cast<double>(value) / PANGO_SCALE;
}

void insert(PangoAttrList* list, PangoAttribute* attribute, Span const& span) {
    attribute->start_index = static_cast<guint>(span.begin);
    attribute->end_index = static_cast<guint>(span.end);
    pango_attr_list_insert(list, attribute);
}

Handle<PangoAttrList> attributes_of(std::vector<Span> const& spans, Setting const& setting,
                                    char const* language, std::string const& mono_families) {
    Handle<PangoAttrList> list(pango_attr_list_new());
    pango_attr_list_insert(list.get(),
                           pango_attr_language_new(pango_language_from_string(language)));
    if (setting.letter_spacing != 0) {
        pango_attr_list_insert(list.get(),
                               pango_attr_letter_spacing_new(units(setting.letter_spacing)));
    }
    guint16 mark = 0;
    for (auto const& span : spans) {
        auto* const all = list.get();
        // Nobody looks at this colour: it makes pango begin a run where the span begins.
        insert(all, pango_attr_foreground_new(0, 0, ++mark), span);
        if (span.bold) insert(all, pango_attr_weight_new(PANGO_WEIGHT_BOLD), span);
        if (span.italic) insert(all, pango_attr_style_new(PANGO_STYLE_ITALIC), span);
        if (span.mono) {
            insert(all, pango_attr_family_new(mono_families.c_str()), span);
            insert(all, pango_attr_scale_new(0.88), span);
        }
        if (span.shift != 0) {
            insert(all, pango_attr_scale_new(0.68), span);
            insert(all, pango_attr_rise_new(units(setting.size * (span.shift > 0 ? 0.36 : -0.14))),
                   span);
        }
    }
    return list;
}

/// How much each blank of a line grows to fill it; 0 where it should not.
double stretch_of(PangoLayoutLine* line, std::string_view text, Setting const& setting,
                  double width) {
    auto const begin = static_cast<std::size_t>(line->start_index);
    auto const end = begin + static_cast<std::size_t>(line->length);
    bool const last = end >= text.size() || text[end] == '\n' || text.substr(end, 3) == "\u2028";
    if (!setting.justified || last) return 0;
    auto part = text.substr(begin, end - begin);
    while (part.ends_with(' ')) part.remove_suffix(1);
    auto const blanks = std::ranges::count(part, ' ');
    if (blanks == 0) return 0;
    double const stretch = (setting.width - width) / static_cast<double>(blanks);
    return stretch > 0 && stretch <= stretch_max * setting.size ? stretch : 0;
}

double start_of(PangoLayoutLine* line, Setting const& setting, double width, double stretched) {
    double const slack = setting.width - width - stretched;
    switch (setting.align) {
        case Align::centre:
            return slack / 2;
        case Align::end:
            return slack;
        case Align::left:
            return 0;
        case Align::start:
            break;
    }
    return line->resolved_dir == PANGO_DIRECTION_RTL ? slack : 0;
}

/// Where a part of at most part_bytes_max ends: behind a blank, else between characters.
std::size_t part_end(std::string_view text) {
    if (text.size() <= part_bytes_max) return text.size();
    auto const blank = text.rfind(' ', part_bytes_max);
    if (blank != text.npos && blank > part_bytes_max / 2) return blank + 1;
    auto end = part_bytes_max;
    while ((static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    return end;
}

}  // namespace

namespace {

/// Font maps that no typesetter uses just now. Sorting some hundred fonts costs milliseconds for
/// every size and language; the next book finds it done.
struct SpareMaps {
    std::mutex mutex;
    std::vector<Handle<PangoFontMap>> maps;
};
SpareMaps& spare_maps() {
    static SpareMaps maps;
    return maps;
}

Result<Handle<PangoFontMap>> take_map() {
    auto& spare = spare_maps();
    std::lock_guard const lock(spare.mutex);
    if (!spare.maps.empty()) {
        auto map = std::move(spare.maps.back());
        spare.maps.pop_back();
        return map;
    }
    PD_TRY(auto config, noto_fonts());
    Handle<PangoFontMap> map(pango_ft2_font_map_new());
    pango_fc_font_map_set_config(PANGO_FC_FONT_MAP(map.get()), config.get());
    pango_ft2_font_map_set_resolution(PANGO_FT2_FONT_MAP(map.get()), 72, 72);
    return map;
}

}  // namespace

Result<std::unique_ptr<Typesetter>> Typesetter::create(FontBook& fonts) {
    PD_TRY(auto map, take_map());
    return std::unique_ptr<Typesetter>(new Typesetter(fonts, std::move(map)));
}

Typesetter::~Typesetter() {
    layout_.reset();
    context_.reset();
    auto& spare = spare_maps();
    std::lock_guard const lock(spare.mutex);
    if (spare.maps.size() < 2) spare.maps.push_back(std::move(map_));
}

Typesetter::Typesetter(FontBook& fonts, Handle<PangoFontMap> map)
    : fonts_(fonts), map_(std::move(map)) {
    context_.reset(pango_font_map_create_context(map_.get()));
    pango_context_set_round_glyph_positions(context_.get(), FALSE);
    pango_context_set_language(context_.get(), pango_language_from_string("en"));
    layout_.reset(pango_layout_new(context_.get()));
    pango_layout_set_wrap(layout_.get(), PANGO_WRAP_WORD_CHAR);
}

PangoFontDescription const* Typesetter::description(Setting const& setting,
                                                    std::string const& families) {
    auto const key = fmt::format("{}|{}|{}{}", families, setting.size, setting.bold ? 'b' : '-',
                                 setting.italic ? 'i' : '-');
    auto& known = descriptions_[key];
    if (known) return known.get();
    known.reset(pango_font_description_new());
    pango_font_description_set_family(known.get(), families.c_str());
    pango_font_description_set_absolute_size(known.get(), setting.size * PANGO_SCALE);
    if (setting.bold) pango_font_description_set_weight(known.get(), PANGO_WEIGHT_BOLD);
    if (setting.italic) pango_font_description_set_style(known.get(), PANGO_STYLE_ITALIC);
    return known.get();
}

void Typesetter::set_part(std::string_view part, std::vector<Span> const& spans,
                          Setting const& setting, std::vector<Line>& lines) {
    auto const needs = needs_of(part, setting.family);
    bool const has_mono = std::ranges::any_of(spans, &Span::mono);
    auto const mono = has_mono ? needs_of(part, Family::mono) : TextNeeds{};
    auto* const layout = layout_.get();
    pango_layout_set_font_description(layout, description(setting, needs.families));
    pango_layout_set_width(layout, units(setting.width));
    auto const attributes = attributes_of(spans, setting, needs.language, mono.families);
    pango_layout_set_attributes(layout, attributes.get());
    pango_layout_set_text(layout, part.data(), static_cast<int>(part.size()));
    Handle<PangoLayoutIter> const iter(pango_layout_get_iter(layout));
    do {
        auto* const from = pango_layout_iter_get_line_readonly(iter.get());
        PangoRectangle logical;
        pango_layout_line_get_extents(from, nullptr, &logical);
        double const width = points(logical.width);
        double const stretch = stretch_of(from, part, setting, width);
        LineWriter writer(fonts_, {part, spans, setting, stretch}, missing_);
        for (auto* run = from->runs; run != nullptr; run = run->next) {
            writer.add_run(*static_cast<PangoLayoutRun const*>(run->data));
        }
        auto line = writer.finish();
        double const start = start_of(from, setting, line.width, 0);
        if (std::abs(start) > 0.005)
            line.operators = fmt::format("{} 0 Td\n", real(start)) + line.operators;
        for (auto& link : line.links) link.x += start;
        for (auto& stroke : line.strokes) stroke.x += start;
        double const natural = points(logical.height);
        line.height = std::max(setting.leading * setting.size, natural);
        line.baseline = points(-logical.y) + (line.height - natural) / 2;
        lines.push_back(std::move(line));
    } while (pango_layout_iter_next_line(iter.get()) != FALSE);
}

std::vector<Line> Typesetter::set(Text const& text, Setting const& setting) {
    std::vector<Line> lines;
    std::string_view rest = text.text;
    std::size_t at = 0;
    do {
        auto const size = part_end(rest);
        std::vector<Span> spans;
        for (auto span : text.spans) {
            if (span.end <= at || span.begin >= at + size) continue;
            span.begin = std::max(span.begin, at) - at;
            span.end = std::min(span.end, at + size) - at;
            spans.push_back(std::move(span));
        }
        set_part(rest.substr(0, size), spans, setting, lines);
        rest.remove_prefix(size);
        at += size;
    } while (!rest.empty());
    return lines;
}

std::vector<std::string> Typesetter::take_missing() {
    std::vector<std::string> out;
    for (auto const& text : std::exchange(missing_, {})) {
        std::string_view rest = text;
        while (!rest.empty()) {
            auto name = fmt::format("U+{:04X}", static_cast<std::uint32_t>(take_code_point(rest)));
            if (std::ranges::find(out, name) == out.end()) out.push_back(std::move(name));
        }
    }
    return out;
}

}  // namespace perdure::format::pdf
