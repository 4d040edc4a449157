#pragma once

#include <string_view>

#include "base/utf8.h"

namespace perdure::format {

/// Takes the first character off `text`; a byte that begins none counts as U+FFFD.
inline char32_t take_code_point(std::string_view& text) {
    auto const byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    char32_t c = 0xfffd;
    auto const length = utf8_length(text);
    if (length == 1) c = byte(0);
    if (length == 2) c = (byte(0) & 0x1fU) << 6 | (byte(1) & 0x3fU);
    if (length == 3) c = (byte(0) & 0x0fU) << 12 | (byte(1) & 0x3fU) << 6 | (byte(2) & 0x3fU);
    if (length == 4) {
        c = (byte(0) & 0x07U) << 18 | (byte(1) & 0x3fU) << 12 | (byte(2) & 0x3fU) << 6 |
            (byte(3) & 0x3fU);
    }
    text.remove_prefix(length == 0 ? 1 : length);
    return c;
}

}  // namespace perdure::format
