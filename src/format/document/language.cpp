#include "format/document/language.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/utf8.h"
#include "format/document/code_points.h"

namespace perdure::format {

namespace {

struct Script {
    char32_t first, last;
    std::string_view language;  ///< empty: several are written in it
    bool right_to_left;
};

constexpr Script scripts[] = {
    {0x0041, 0x024f, "", false},     {0x0370, 0x03ff, "el", false}, {0x0400, 0x052f, "", false},
    {0x0531, 0x058f, "hy", false},   {0x0590, 0x05ff, "he", true},  {0x0600, 0x07bf, "ar", true},
    {0x0900, 0x097f, "", false},     {0x0980, 0x09ff, "", false},   {0x0a00, 0x0a7f, "pa", false},
    {0x0a80, 0x0aff, "gu", false},   {0x0b80, 0x0bff, "ta", false}, {0x0c00, 0x0c7f, "te", false},
    {0x0c80, 0x0cff, "kn", false},   {0x0d00, 0x0d7f, "ml", false}, {0x0d80, 0x0dff, "si", false},
    {0x0e00, 0x0e7f, "th", false},   {0x0e80, 0x0eff, "lo", false}, {0x1000, 0x109f, "my", false},
    {0x10a0, 0x10ff, "ka", false},   {0x1200, 0x139f, "am", false}, {0x1780, 0x17ff, "km", false},
    {0x3040, 0x30ff, "ja", false},   {0x3400, 0x9fff, "zh", false}, {0xac00, 0xd7af, "ko", false},
    {0xfb1d, 0xfb4f, "he", true},    {0xfb50, 0xfdff, "ar", true},  {0xfe70, 0xfefc, "ar", true},
    {0x20000, 0x3ffff, "zh", false},
};
constexpr std::size_t looked_at_max = 4000;

bool persian(char32_t c) {
    return c == 0x067e || c == 0x0686 || c == 0x0698 || c == 0x06af || c == 0x06a9 || c == 0x06cc;
}
bool urdu(char32_t c) {
    return c == 0x0679 || c == 0x0688 || c == 0x0691 || c == 0x06ba || c == 0x06d2;
}

}  // namespace

std::string TextLanguage::attributes() const {
    auto const direction = right_to_left ? "rtl" : tag.empty() ? "auto" : "ltr";
    if (tag.empty()) return fmt::format(" dir=\"{}\"", direction);
    return fmt::format(" lang=\"{}\" dir=\"{}\"", tag, direction);
}

TextLanguage language_of(std::string_view text) {
    std::array<std::size_t, std::size(scripts)> counts{};
    std::size_t persian_signs = 0, urdu_signs = 0, kana = 0;
    for (auto rest = text.substr(0, looked_at_max); !rest.empty();) {
        auto const c = take_code_point(rest);
        for (std::size_t i = 0; i < std::size(scripts); ++i) {
            if (c >= scripts[i].first && c <= scripts[i].last) {
                if (scripts[i].first != 0x41 || c > 0xbf || (c | 0x20) >= 'a') ++counts[i];
                break;
            }
        }
        persian_signs += persian(c);
        urdu_signs += urdu(c);
        kana += c >= 0x3040 && c <= 0x30ff;
    }
    auto const most = std::ranges::max_element(counts);
    auto const& script = scripts[most - counts.begin()];
    if (*most == 0) return {};
    TextLanguage language{script.language, script.right_to_left};
    if (language.tag == "zh" && kana > 0) language.tag = "ja";
    if (language.tag == "ar" && persian_signs > 0) language.tag = urdu_signs > 0 ? "ur" : "fa";
    return language;
}

}  // namespace perdure::format
