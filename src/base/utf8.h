#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace perdure {

/// Bytes of the well-formed UTF-8 sequence at the front of `text` (RFC 3629: no surrogates, no
/// overlong forms, nothing past U+10FFFF), or 0. `text` must not be empty.
std::size_t utf8_length(std::string_view text);
/// Whether all of `text` is well-formed UTF-8.
bool is_utf8(std::string_view text);
/// Adds one character, at most U+10FFFF. A surrogate is no character: whoever may meet one alone
/// checks first, or adds three bytes that are not UTF-8.
void append_utf8(std::string& out, std::uint32_t code);

}  // namespace perdure
