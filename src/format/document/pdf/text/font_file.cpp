#include <fmt/format.h>

#include <algorithm>

#include "crypto/hash.h"
#include "format/document/pdf/file/picture.h"
#include "format/document/pdf/text/fonts.h"

namespace perdure::format::pdf {

namespace {

/// The font program with only what the document shows; glyphs keep their numbers.
Result<Bytes> cut_down(Face const& face) {
    Handle<hb_subset_input_t> const input(hb_subset_input_create_or_fail());
    PD_ASSERT(input != nullptr);
    hb_subset_input_set_flags(input.get(), HB_SUBSET_FLAGS_RETAIN_GIDS |
                                               HB_SUBSET_FLAGS_NO_HINTING |
                                               HB_SUBSET_FLAGS_NOTDEF_OUTLINE);
    auto* const glyphs = hb_subset_input_glyph_set(input.get());
    hb_set_add(glyphs, 0);
    for (auto const& [glyph, text] : face.texts) hb_set_add(glyphs, glyph);
    // Shaping is done; its tables would make most of the file.
    auto* const dropped = hb_subset_input_set(input.get(), HB_SUBSET_SETS_DROP_TABLE_TAG);
    for (auto const* tag : {"GSUB", "GPOS", "GDEF", "kern", "BASE", "JSTF", "VORG", "vhea", "vmtx",
                            "DSIG", "STAT", "meta", "name", "gasp", "MATH"}) {
        hb_set_add(dropped, hb_tag_from_string(tag, 4));
    }
    Handle<hb_face_t> const cut(hb_subset_or_fail(face.face.get(), input.get()));
    if (cut == nullptr) {
        return fail(Fault::internal, fmt::format("the font {} cannot be cut down", face.file));
    }
    Handle<hb_blob_t> const blob(hb_face_reference_blob(cut.get()));
    unsigned size = 0;
    auto const* data = hb_blob_get_data(blob.get(), &size);
    return to_bytes(std::string_view(data, size));
}

/// "ABCDEF": six letters that tell one subset from another (ISO 32000-1 §9.6.4).
std::string subset_tag(Face const& face) {
    std::string all = face.file;
    for (auto const& [glyph, text] : face.texts) all += fmt::format(",{}", glyph);
    auto const digest = crypto::sha256(as_bytes(all));
    std::string tag;
    for (std::size_t i = 0; i < 6; ++i) {
        tag += static_cast<char>('A' + std::to_integer<unsigned>(digest.bytes[i]) % 26);
    }
    return tag;
}

std::string postscript_name(Face const& face) {
    char name[128] = {};
    unsigned size = sizeof name;
    hb_ot_name_get_utf8(face.face.get(), HB_OT_NAME_ID_POSTSCRIPT_NAME, HB_LANGUAGE_INVALID, &size,
                        name);
    std::string out;
    for (char const c : std::string_view(name)) {
        if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-') out += c;
    }
    return out.empty() ? "Font" : out;
}

std::string widths(Face& face) {
    std::string out = "[";
    unsigned expected = ~0U;
    for (auto const& [glyph, text] : face.texts) {
        if (glyph != expected) {
            if (expected != ~0U) out += ']';
            out += fmt::format("{}[", glyph);
        } else {
            out += ' ';
        }
        append_real(out, face.advance(glyph));
        expected = glyph + 1;
    }
    return out + (expected == ~0U ? "]" : "]]");
}

bool is_cff(Face const& face) {
    Handle<hb_blob_t> const table(
        hb_face_reference_table(face.face.get(), HB_TAG('C', 'F', 'F', ' ')));
    return hb_blob_get_length(table.get()) > 0;
}

Result<Number> add_descriptor(Objects& objects, Face const& face, std::string const& name,
                              bool cff) {
    PD_TRY(Bytes const program, cut_down(face));
    auto const entries =
        cff ? std::string("/Subtype/OpenType") : fmt::format("/Length1 {}", program.size());
    PD_TRY(Number const file, objects.add_stream(entries, program));
    hb_font_extents_t extents{};
    hb_font_get_h_extents(face.font.get(), &extents);
    auto const scaled = [&](double value) { return real(value * 1000 / face.units_per_em); };
    return objects.add(fmt::format(
        "<</Type/FontDescriptor/FontName/{}/Flags 4/FontBBox[-1000 {} 2000 {}]/ItalicAngle {}"
        "/Ascent {}/Descent {}/CapHeight 700/StemV 80/{} {}>>",
        name, scaled(extents.descender), scaled(extents.ascender),
        name.find("Italic") != name.npos ? -12 : 0, scaled(extents.ascender),
        scaled(extents.descender), cff ? "FontFile3" : "FontFile2", reference(file)));
}

}  // namespace

Result<Number> embed_outlines(Objects& objects, Face& face) {
    bool const cff = is_cff(face);
    auto const name = subset_tag(face) + "+" + postscript_name(face);
    PD_TRY(Number const descriptor, add_descriptor(objects, face, name, cff));
    PD_TRY(Number const descendant,
           objects.add(
               fmt::format("<</Type/Font/Subtype/{}/BaseFont/{}/CIDSystemInfo<</Registry(Adobe)"
                           "/Ordering(Identity)/Supplement 0>>/FontDescriptor {}/DW 1000/W{}{}>>",
                           cff ? "CIDFontType0" : "CIDFontType2", name, reference(descriptor),
                           widths(face), cff ? "" : "/CIDToGIDMap/Identity")));
    PD_TRY(Number const texts, objects.add_stream("", as_bytes(to_unicode(face.texts, 4))));
    return objects.add(
        fmt::format("<</Type/Font/Subtype/Type0/BaseFont/{}/Encoding/Identity-H"
                    "/DescendantFonts[{}]/ToUnicode {}>>",
                    name, reference(descendant), reference(texts)));
}

namespace {

struct Emoji {
    unsigned glyph, code;
};

/// The procedure that draws one bitmap glyph: its picture, scaled to the glyph's box.
Result<Number> add_procedure(Objects& objects, Face& face, Emoji emoji, std::string& pictures) {
    Handle<hb_blob_t> const blob(hb_ot_color_glyph_reference_png(face.font.get(), emoji.glyph));
    unsigned size = 0;
    auto const* data = hb_blob_get_data(blob.get(), &size);
    auto const advance = face.advance(emoji.glyph);
    auto picture = add_png(objects, as_bytes(std::string_view(data, size)));
    if (!picture) {  // an empty glyph
        return objects.add_stream("", as_bytes(fmt::format("{} 0 d0\n", real(advance))));
    }
    hb_glyph_extents_t box{};
    hb_font_get_glyph_extents(face.font.get(), emoji.glyph, &box);
    double const scale = 1000 / face.units_per_em;
    pictures += fmt::format("/E{} {}", emoji.code, reference(picture->number));
    auto const content =
        fmt::format("{} 0 d0 q {} 0 0 {} {} {} cm /E{} Do Q\n", real(advance),
                    real(box.width * scale), real(-box.height * scale), real(box.x_bearing * scale),
                    real((box.y_bearing + box.height) * scale), emoji.code);
    return objects.add_stream("", as_bytes(content));
}

Result<Number> embed_bitmap_font(Objects& objects, Face& face, std::vector<Emoji> const& all) {
    std::string procedures, differences, advances, pictures;
    std::map<unsigned, std::string> texts;
    for (auto const& emoji : all) {
        PD_TRY(Number const drawn, add_procedure(objects, face, emoji, pictures));
        procedures += fmt::format("/e{} {}", emoji.code, reference(drawn));
        differences += fmt::format("/e{}", emoji.code);
        advances += real(face.advance(emoji.glyph)) + ' ';
        texts[emoji.code] = face.texts.at(emoji.glyph);
    }
    PD_TRY(Number const map, objects.add_stream("", as_bytes(to_unicode(texts, 2))));
    return objects.add(
        fmt::format("<</Type/Font/Subtype/Type3/Name/Emoji/FontBBox[0 -250 1300 1000]"
                    "/FontMatrix[0.001 0 0 0.001 0 0]/FirstChar 0/LastChar {}/Widths[{}]"
                    "/CharProcs<<{}>>/Encoding<</Type/Encoding/Differences[0{}]>>"
                    "/Resources<</XObject<<{}>>>>/ToUnicode {}>>",
                    all.size() - 1, advances, procedures, differences, pictures, reference(map)));
}

}  // namespace

Result<std::vector<Number>> embed_bitmaps(Objects& objects, Face& face) {
    std::vector<std::vector<Emoji>> fonts;
    std::map<unsigned, unsigned> by_code;
    for (auto const& [glyph, code] : face.codes) by_code[code] = glyph;
    for (auto const& [code, glyph] : by_code) {
        if (fonts.size() <= code / 255) fonts.emplace_back();
        fonts[code / 255].push_back({glyph, code % 255});
    }
    std::vector<Number> numbers;
    for (auto const& font : fonts) {
        PD_TRY(Number const number, embed_bitmap_font(objects, face, font));
        numbers.push_back(number);
    }
    return numbers;
}

}  // namespace perdure::format::pdf
