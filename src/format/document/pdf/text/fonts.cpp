#include "format/document/pdf/text/fonts.h"

#include <fmt/format.h>

namespace perdure::format::pdf {

namespace {}  // namespace

double Face::advance(unsigned glyph) {
    if (glyph >= advances.size()) advances.resize(glyph + 256, -1.0F);
    auto& advance = advances[glyph];
    if (advance < 0) {
        advance = static_cast<float>(hb_font_get_glyph_h_advance(font.get(), glyph) * 1000 /
                                     units_per_em);
    }
    return advance;
}

FontBook::~FontBook() {
    for (auto const& [font, face] : by_font_) g_object_unref(font);
}

Face& FontBook::open(std::string const& file, unsigned index) {
    auto& known = by_file_[{file, index}];
    if (known != nullptr) return *known;
    auto face = std::make_unique<Face>();
    face->file = file;
    face->index = index;
    face->resource = static_cast<unsigned>(faces_.size()) + 1;
    Handle<hb_blob_t> const blob(hb_blob_create_from_file(file.c_str()));
    face->face.reset(hb_face_create(blob.get(), index));
    face->font.reset(hb_font_create(face->face.get()));
    face->units_per_em = hb_face_get_upem(face->face.get());
    face->bitmaps = hb_ot_color_has_png(face->face.get()) != 0;
    faces_.push_back(std::move(face));
    known = faces_.back().get();
    return *known;
}

Face& FontBook::face_of(PangoFont* font) {
    auto& known = by_font_[font];
    if (known != nullptr) return *known;
    // The map's key must not be given to another font while this document lives.
    g_object_ref(font);
    FcChar8* file = nullptr;
    int index = 0;
    auto* const pattern = pango_fc_font_get_pattern(PANGO_FC_FONT(font));
    FcPatternGetString(pattern, FC_FILE, 0, &file);
    FcPatternGetInteger(pattern, FC_INDEX, 0, &index);
    PD_ASSERT(file != nullptr);
    // The upper half of fontconfig's index names an instance of a variable font.
    known = &open(reinterpret_cast<char const*>(file), static_cast<unsigned>(index) & 0xffff);
    return *known;
}

bool FontBook::show(Face& face, unsigned glyph, std::string_view text) {
    if (glyph >= face.known.size()) face.known.resize(glyph + 256);
    auto& known = face.known[glyph];
    if (known != nullptr) return *known == text;
    auto const [at, fresh] = face.texts.try_emplace(glyph, text);
    known = &at->second;
    if (face.bitmaps && fresh) {
        auto const code = static_cast<unsigned>(face.codes.size());
        face.codes[glyph] = code;
    }
    return *known == text;
}

std::string to_unicode(std::map<unsigned, std::string> const& texts, int digits) {
    std::string out =
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
        "/CIDSystemInfo <</Registry (Adobe)/Ordering (UCS)/Supplement 0>> def\n"
        "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n1 begincodespacerange\n";
    out += digits == 4 ? "<0000><FFFF>\n" : "<00><FF>\n";
    out += "endcodespacerange\n";
    std::vector<std::string> rows;
    for (auto const& [code, text] : texts) {
        if (text.empty()) continue;
        auto const wide = text_string(text);  // <FEFF…>
        rows.push_back(fmt::format("<{:0{}X}><{}", code, digits, wide.substr(5)));
    }
    for (std::size_t i = 0; i < rows.size(); i += 100) {
        auto const end = std::min(rows.size(), i + 100);
        out += fmt::format("{} beginbfchar\n", end - i);
        for (auto k = i; k < end; ++k) out += rows[k] + "\n";
        out += "endbfchar\n";
    }
    return out + "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n";
}

Result<std::string> FontBook::embed(Objects& objects) {
    std::string out;
    for (auto const& face : faces_) {
        if (face->texts.empty()) continue;
        if (!face->bitmaps) {
            PD_TRY(Number const font, embed_outlines(objects, *face));
            out += fmt::format("/F{} {}", face->resource, reference(font));
            continue;
        }
        PD_TRY(auto const fonts, embed_bitmaps(objects, *face));
        for (std::size_t i = 0; i < fonts.size(); ++i) {
            out += fmt::format("/F{}x{} {}", face->resource, i, reference(fonts[i]));
        }
    }
    return out;
}

void FontBook::save(Encoder& state) const {
    state.varint(faces_.size());
    for (auto const& face : faces_) {
        state.text(face->file);
        state.varint(face->index);
        state.varint(face->texts.size());
        for (auto const& [glyph, text] : face->texts) {
            state.varint(glyph);
            state.text(text);
            auto const code = face->codes.find(glyph);
            state.varint(code == face->codes.end() ? 0 : code->second);
        }
    }
}

Result<void> FontBook::load(Decoder& state) {
    PD_TRY(auto const count, state.varint());
    for (std::uint64_t i = 0; i < count; ++i) {
        PD_TRY(std::string const file, state.text(4096));
        PD_TRY(auto const index, state.varint());
        auto& face = open(file, static_cast<unsigned>(index));
        PD_TRY(auto const glyphs, state.varint());
        for (std::uint64_t k = 0; k < glyphs; ++k) {
            PD_TRY(auto const glyph, state.varint());
            PD_TRY(face.texts[static_cast<unsigned>(glyph)], state.text(4096));
            PD_TRY(auto const code, state.varint());
            if (face.bitmaps)
                face.codes[static_cast<unsigned>(glyph)] = static_cast<unsigned>(code);
        }
    }
    return {};
}

}  // namespace perdure::format::pdf
