#pragma once

#include <exiv2/exiv2.hpp>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "data/stream.h"

namespace perdure::media::testing {

struct Size {
    unsigned width, height;
};

/// An uncompressed PNG: red top left, green top right, blue bottom left, white bottom right.
Bytes quarters_png(Size size, bool transparent = false);

/// The file with these metadata written into it by exiv2: "Exif.Image.Orientation" → "6".
struct Tag {
    char const *key, *value;
};
Bytes with_tags(ByteView file, std::initializer_list<Tag> tags);

/// Bytes as a content.
std::shared_ptr<data::Content> content_of(Bytes bytes);
/// All bytes of a content.
Bytes read_all(data::Content& content);

/// The picture decoded by ffmpeg: width × height × RGB.
Bytes decode_rgb(ByteView file);

}  // namespace perdure::media::testing
