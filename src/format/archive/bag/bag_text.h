#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace perdure::format {

/// A tag file in UTF-8. Encodings: UTF-8, UTF-16 (by its mark, else big-endian), ISO-8859-1, ASCII.
/// Fails: invalid (not of the encoding, or a byte order mark before UTF-8); unsupported.
Result<std::string> decode_tag_file(ByteView bytes, std::string_view encoding);

/// Lines by LF, CR or CRLF; empty ones are left out.
std::vector<std::string> bag_lines(std::string_view text);

/// A path as manifests write it: %0A, %0D and %25 stand for LF, CR and %. Others stay as they are.
std::string decode_bag_path(std::string_view path);

/// For comparing: Unicode normalisation form C.
std::string normal_name(std::string_view name);

}  // namespace perdure::format
