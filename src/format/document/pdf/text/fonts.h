#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "format/document/pdf/file/objects.h"
#include "format/document/pdf/text/handle.h"

namespace perdure::format::pdf {

/// One face of one font file, and which of its glyphs the document shows.
struct Face {
    std::string file;
    unsigned index = 0;     ///< of the face in its file
    unsigned resource = 0;  ///< its name in pages is /F<resource>
    bool bitmaps = false;   ///< colour pictures (emoji): a Type 3 font, codes in order of use
    double units_per_em = 1000;
    Handle<hb_face_t> face;
    Handle<hb_font_t> font;  ///< in font units
    /// Glyph → the text that it stands for, in UTF-8. Pages show glyphs by their own ids, bitmap
    /// fonts by `codes`.
    std::map<unsigned, std::string> texts;
    std::map<unsigned, unsigned> codes;
    std::vector<float> advances;            ///< thousandths of the size, cached; -1: unknown
    std::vector<std::string const*> known;  ///< texts by glyph, to find them quickly

    double advance(unsigned glyph);
};

/// Every face that a document uses. Faces are embedded when it ends, cut down to what it shows.
class FontBook {
public:
    FontBook() = default;
    ~FontBook();
    FontBook(FontBook const&) = delete;
    FontBook& operator=(FontBook const&) = delete;

    /// The face of a font that pango chose.
    Face& face_of(PangoFont* font);
    /// Remembers that a glyph is shown for `text`. False if it stands for another text already:
    /// then the place that shows it has to say so (ActualText).
    static bool show(Face& face, unsigned glyph, std::string_view text);

    /// Writes all faces; returns the body of the /Font dictionary.
    Result<std::string> embed(Objects& objects);

    void save(Encoder& state) const;
    Result<void> load(Decoder& state);

private:
    Face& open(std::string const& file, unsigned index);
    std::vector<std::unique_ptr<Face>> faces_;
    std::map<std::pair<std::string, unsigned>, Face*> by_file_;
    std::unordered_map<PangoFont*, Face*> by_font_;
};

/// The number of the embedded font's dictionary.
Result<Number> embed_outlines(Objects& objects, Face& face);
Result<std::vector<Number>> embed_bitmaps(Objects& objects, Face& face);
/// A CMap that maps codes of `digits` hexadecimal digits to text (ISO 32000-1 §9.10.3).
std::string to_unicode(std::map<unsigned, std::string> const& texts, int digits);

}  // namespace perdure::format::pdf
