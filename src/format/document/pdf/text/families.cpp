#include "format/document/pdf/text/families.h"

#include <algorithm>
#include <array>
#include <vector>

#include "format/document/code_points.h"

namespace perdure::format::pdf {

namespace {

/// The family that was drawn for a script. Left to itself, fontconfig takes DejaVu for Arabic and
/// a font without shaping rules for Tamil.
struct ScriptFamily {
    GUnicodeScript script;
    char const *serif, *sans;
};
constexpr ScriptFamily script_families[] = {
    {G_UNICODE_SCRIPT_ARABIC, "Noto Naskh Arabic", "Noto Sans Arabic"},
    {G_UNICODE_SCRIPT_ARMENIAN, "Noto Serif Armenian", "Noto Sans Armenian"},
    {G_UNICODE_SCRIPT_BENGALI, "Noto Serif Bengali", "Noto Sans Bengali"},
    {G_UNICODE_SCRIPT_CHEROKEE, "Noto Sans Cherokee", "Noto Sans Cherokee"},
    {G_UNICODE_SCRIPT_COPTIC, "Noto Sans Coptic", "Noto Sans Coptic"},
    {G_UNICODE_SCRIPT_DEVANAGARI, "Noto Serif Devanagari", "Noto Sans Devanagari"},
    {G_UNICODE_SCRIPT_ETHIOPIC, "Noto Serif Ethiopic", "Noto Sans Ethiopic"},
    {G_UNICODE_SCRIPT_GEORGIAN, "Noto Serif Georgian", "Noto Sans Georgian"},
    {G_UNICODE_SCRIPT_GUJARATI, "Noto Serif Gujarati", "Noto Sans Gujarati"},
    {G_UNICODE_SCRIPT_GURMUKHI, "Noto Serif Gurmukhi", "Noto Sans Gurmukhi"},
    {G_UNICODE_SCRIPT_HEBREW, "Noto Serif Hebrew", "Noto Sans Hebrew"},
    {G_UNICODE_SCRIPT_KANNADA, "Noto Serif Kannada", "Noto Sans Kannada"},
    {G_UNICODE_SCRIPT_KHMER, "Noto Serif Khmer", "Noto Sans Khmer"},
    {G_UNICODE_SCRIPT_LAO, "Noto Serif Lao", "Noto Sans Lao"},
    {G_UNICODE_SCRIPT_MALAYALAM, "Noto Serif Malayalam", "Noto Sans Malayalam"},
    {G_UNICODE_SCRIPT_MONGOLIAN, "Noto Sans Mongolian", "Noto Sans Mongolian"},
    {G_UNICODE_SCRIPT_MYANMAR, "Noto Serif Myanmar", "Noto Sans Myanmar"},
    {G_UNICODE_SCRIPT_ORIYA, "Noto Sans Oriya", "Noto Sans Oriya"},
    {G_UNICODE_SCRIPT_SINHALA, "Noto Serif Sinhala", "Noto Sans Sinhala"},
    {G_UNICODE_SCRIPT_SYRIAC, "Noto Sans Syriac", "Noto Sans Syriac"},
    {G_UNICODE_SCRIPT_TAMIL, "Noto Serif Tamil", "Noto Sans Tamil"},
    {G_UNICODE_SCRIPT_TELUGU, "Noto Serif Telugu", "Noto Sans Telugu"},
    {G_UNICODE_SCRIPT_THAANA, "Noto Sans Thaana", "Noto Sans Thaana"},
    {G_UNICODE_SCRIPT_THAI, "Noto Serif Thai", "Noto Sans Thai"},
    {G_UNICODE_SCRIPT_TIBETAN, "Noto Serif Tibetan", "Noto Sans Tibetan"},
};

/// Which of the scripts that share Han characters a text is written in.
struct HanReading {
    bool han = false, kana = false, hangul = false, bopomofo = false;
    bool any() const { return han || kana || hangul || bopomofo; }
    char const* language() const {
        return kana ? "ja" : hangul ? "ko" : bopomofo ? "zh-tw" : han ? "zh-cn" : "en";
    }
    std::string_view suffix() const { return kana ? "JP" : hangul ? "KR" : bopomofo ? "TC" : "SC"; }
};

struct Found {
    std::vector<GUnicodeScript> scripts;
    HanReading han;
    bool beyond_ascii = false;
};

Found look_at(std::string_view text) {
    Found found;
    GUnicodeScript last = G_UNICODE_SCRIPT_LATIN;
    while (!text.empty()) {
        if (static_cast<unsigned char>(text.front()) < 0x80) {
            text.remove_prefix(1);
            continue;
        }
        auto const script = g_unichar_get_script(take_code_point(text));
        found.beyond_ascii = true;
        if (script == last) continue;
        last = script;
        found.han.han |= script == G_UNICODE_SCRIPT_HAN;
        found.han.kana |=
            script == G_UNICODE_SCRIPT_HIRAGANA || script == G_UNICODE_SCRIPT_KATAKANA;
        found.han.hangul |= script == G_UNICODE_SCRIPT_HANGUL;
        found.han.bopomofo |= script == G_UNICODE_SCRIPT_BOPOMOFO;
        if (std::ranges::find(found.scripts, script) == found.scripts.end()) {
            found.scripts.push_back(script);
        }
    }
    // The order of appearance must not make another list, hence another set of fonts, each time.
    std::ranges::sort(found.scripts);
    return found;
}

}  // namespace

TextNeeds needs_of(std::string_view text, Family family) {
    TextNeeds needs;
    needs.families = family == Family::serif  ? "Noto Serif"
                     : family == Family::sans ? "Noto Sans"
                                              : "Noto Sans Mono";
    auto const found = look_at(text);
    if (!found.beyond_ascii) return needs;
    needs.language = found.han.language();
    for (auto const script : found.scripts) {
        auto const row = std::ranges::find(script_families, script, &ScriptFamily::script);
        if (row == std::end(script_families)) continue;
        needs.families += ',';
        needs.families += family == Family::serif ? row->serif : row->sans;
    }
    if (found.han.any()) {
        needs.families += family == Family::serif  ? ",Noto Serif CJK "
                          : family == Family::sans ? ",Noto Sans CJK "
                                                   : ",Noto Sans Mono CJK ";
        needs.families += found.han.suffix();
    }
    needs.families += ",Noto Sans,Noto Sans Symbols,Noto Sans Symbols2,Noto Sans Math,Noto Music";
    return needs;
}

Result<Handle<FcConfig>> noto_fonts() {
    // Bitmaps (emoji) come in one size and are scaled, as fontconfig's 10-scale-bitmap-fonts does.
    // Only emoji runs ask for "emoji"; in any other list its font would take the digits.
    static constexpr char const* rules = R"(<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts/truetype/noto</dir>
  <dir>/usr/share/fonts/opentype/noto</dir>
  <dir>/usr/share/fonts/noto</dir>
  <dir>/usr/share/fonts/google-noto</dir>
  <cachedir>/var/cache/fontconfig</cachedir>
  <cachedir prefix="xdg">fontconfig</cachedir>
  <alias binding="same"><family>emoji</family><prefer><family>Noto Color Emoji</family></prefer>
  </alias>
  <match target="font">
    <test name="outline" compare="eq"><bool>false</bool></test>
    <edit name="pixelsizefixupfactor" mode="assign"><divide>
      <name target="pattern">pixelsize</name><name target="font">pixelsize</name></divide></edit>
    <edit name="matrix" mode="assign"><times><name>matrix</name><matrix>
      <name>pixelsizefixupfactor</name><double>0</double>
      <double>0</double><name>pixelsizefixupfactor</name></matrix></times></edit>
    <edit name="size" mode="assign"><divide>
      <name>size</name><name>pixelsizefixupfactor</name></divide></edit>
  </match>
  <match target="pattern"><edit name="family" mode="append_last"><string>Noto Sans</string></edit>
  </match>
</fontconfig>)";
    Handle<FcConfig> config(FcConfigCreate());
    auto const* bytes = reinterpret_cast<FcChar8 const*>(rules);
    bool const built = FcConfigParseAndLoadFromMemory(config.get(), bytes, FcTrue) == FcTrue &&
                       FcConfigBuildFonts(config.get()) == FcTrue;
    auto const* fonts = built ? FcConfigGetFonts(config.get(), FcSetSystem) : nullptr;
    bool has_text = false;
    for (int i = 0; fonts != nullptr && i < fonts->nfont; ++i) {
        FcChar8* name = nullptr;
        FcPatternGetString(fonts->fonts[i], FC_FAMILY, 0, &name);
        has_text |=
            name != nullptr && std::string_view(reinterpret_cast<char*>(name)) == "Noto Serif";
    }
    if (!has_text) {
        return fail(Fault::unsupported, "a PDF needs the Noto fonts, which are not installed")
            .with_fix("apt-get install fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji");
    }
    return config;
}

}  // namespace perdure::format::pdf
