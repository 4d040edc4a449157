#pragma once

#include <string_view>

#include "base/bytes.h"

namespace perdure::media {

enum class Kind { picture, film, sound, document, other };

struct FileType {
    std::string_view media_type;  ///< "image/jpeg"; "application/octet-stream" if unknown
    std::string_view extension;   ///< "jpg"; empty if unknown
    Kind kind = Kind::other;
};

/// As many bytes from the front of a file as sniff() looks at.
inline constexpr std::size_t sniff_bytes = 4096;

/// What a file is by its first bytes (fewer than sniff_bytes only when the file is that short).
/// Names are not asked: they lie.
FileType sniff(ByteView front);
/// The row for a media type, for what a conversion made. Null when unknown.
FileType const* find_type(std::string_view media_type);

}  // namespace perdure::media
