#pragma once

#include <string>
#include <string_view>

namespace perdure::format {

/// Bad bytes become U+FFFD, one for each maximal ill-formed part (Unicode 15 §3.9).
std::string repair_utf8(std::string_view text);

/// A name that every file system and archive takes: no separators, controls, or signs that Windows
/// refuses, no reserved DOS name, no dot or blank at the end, at most 120 bytes of whole
/// characters; never empty.
std::string safe_file_name(std::string_view name);

}  // namespace perdure::format
