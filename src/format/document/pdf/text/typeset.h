#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "format/document/pdf/text/families.h"
#include "format/document/pdf/text/fonts.h"

namespace perdure::format::pdf {

struct Colour {
    double red = 0, green = 0, blue = 0;
    bool operator==(Colour const&) const = default;
};

/// What is special about a part of a text.
struct Span {
    std::size_t begin = 0, end = 0;  ///< bytes of the text
    bool bold = false, italic = false, mono = false, underline = false, strike = false;
    int shift = 0;     ///< 1 superscript, -1 subscript
    std::string link;  ///< address of a page elsewhere
};
struct Text {
    std::string text;  ///< page_text()
    std::vector<Span> spans;
};

enum class Align { start, left, centre, end };

/// How a text is set. Lengths in points.
struct Setting {
    Family family = Family::serif;
    double size = 10.5, leading = 1.4;  ///< of the size
    bool bold = false, italic = false;
    Colour colour, link_colour;
    double width = 400;
    Align align = Align::start;  ///< start is right in text that runs from right to left
    bool justified = false;      ///< where that opens no holes between the words
    double letter_spacing = 0;
};

struct Box {
    double x = 0, y = 0, width = 0, height = 0;
};

/// One line, ready to be put anywhere: operators of a text object, relative to its left end on the
/// base line.
struct Line {
    double height = 0, baseline = 0;  ///< from the top of the line down to its base line
    std::string operators;
    struct Link {
        double x, width;
        std::string address;
    };
    std::vector<Link> links;
    struct Stroke {
        double x, y, width, thickness;
        Colour colour;
    };
    std::vector<Stroke> strokes;  ///< underlines and the like
    double width = 0;             ///< of what it shows
};

/// Sets texts into lines: itemised and shaped by Pango and HarfBuzz, in unhinted positions.
/// Threads: one.
class Typesetter {
public:
    /// Fails: unsupported (no fonts).
    static Result<std::unique_ptr<Typesetter>> create(FontBook& fonts);
    ~Typesetter();
    Typesetter(Typesetter const&) = delete;
    Typesetter& operator=(Typesetter const&) = delete;
    std::vector<Line> set(Text const& text, Setting const& setting);
    std::vector<Line> set(std::string_view text, Setting const& setting) {
        return set(Text{std::string(text), {}}, setting);
    }
    /// Signs that no font has, as "U+10FFFD", since the last call; U+FFFD stands in their place.
    std::vector<std::string> take_missing();

private:
    Typesetter(FontBook& fonts, Handle<PangoFontMap> map);
    PangoFontDescription const* description(Setting const& setting, std::string const& families);
    void set_part(std::string_view part, std::vector<Span> const& spans, Setting const& setting,
                  std::vector<Line>& lines);

    FontBook& fonts_;
    Handle<PangoFontMap> map_;
    Handle<PangoContext> context_;
    Handle<PangoLayout> layout_;
    std::unordered_map<std::string, Handle<PangoFontDescription>> descriptions_;
    std::vector<std::string> missing_;
};

}  // namespace perdure::format::pdf
