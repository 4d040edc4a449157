#pragma once

#include "format/document/pdf/text/typeset.h"

namespace perdure::format::pdf {

/// A line of a layout on its way to operators.
struct LineSource {
    std::string_view text;  ///< of the whole layout
    std::vector<Span> const& spans;
    Setting const& setting;
    double stretch = 0;  ///< added to each blank
};

/// Turns the runs of one laid-out line into the operators that show exactly its glyphs, and that
/// give its text back, whole and in order, to whoever extracts it.
class LineWriter {
public:
    LineWriter(FontBook& fonts, LineSource const& source, std::vector<std::string>& missing)
        : fonts_(fonts), source_(source), missing_(missing) {}
    void add_run(PangoLayoutRun const& run);
    Line finish();

private:
    struct Cluster {
        int first_glyph, end_glyph;
        std::string_view text;
    };
    void begin_run(Face& face, double size, Colour colour, unsigned part);
    void show_cluster(Face& face, double size, PangoGlyphInfo const* glyphs,
                      Cluster const& cluster);
    void show_missing(Face& face, double size, PangoGlyphInfo info, std::string_view text);
    bool stands_for_itself(Face& face, PangoGlyphInfo const* glyphs, Cluster const& cluster);
    void show_glyph(Face& face, double size, unsigned code, double advance,
                    PangoGlyphInfo const& info, double stretch);
    void flush();
    Span const* span_at(std::size_t byte) const;

    FontBook& fonts_;
    LineSource source_;
    std::vector<std::string>& missing_;
    Line line_;
    std::string font_, array_, hex_;
    Colour colour_{-1, -1, -1};
    double x_ = 0;       ///< where the next glyph belongs
    double pen_ = 0;     ///< where the operators so far leave it
    double origin_ = 0;  ///< of the text line matrix
    double rise_ = 0;    ///< of the run
    double rise_written_ = 0;
};

}  // namespace perdure::format::pdf
