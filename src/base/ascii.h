#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace perdure {

/// A to Z as a to z, every other byte as it is: the same in any locale, as SQL's names, tags and
/// file extensions compare.
constexpr char ascii_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
inline std::string ascii_lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = ascii_lower(c);
    return out;
}
constexpr bool is_ascii_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_ascii_digit(char c) {
    return c >= '0' && c <= '9';
}
constexpr bool is_ascii_alphanumeric(char c) {
    return is_ascii_letter(c) || is_ascii_digit(c);
}
/// Whether two texts differ in nothing but the case of A to Z.
inline bool ascii_same(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b,
                              [](char x, char y) { return ascii_lower(x) == ascii_lower(y); });
}

}  // namespace perdure
