#pragma once

#include "format/document/pdf/file/objects.h"
#include "format/format.h"

namespace perdure::format::pdf {

struct Picture {
    Number number = 0;
    unsigned width = 0, height = 0;
};

/// A PNG of 8 bits a channel, not interlaced (grey, RGB, palette; with or without alpha), as image
/// XObject; transparency becomes a soft mask. Fails: corrupt, unsupported.
Result<Picture> add_png(Objects& objects, ByteView png);
/// A JPEG as it is.
Result<Picture> add_jpeg(Objects& objects, Preview const& preview);
Result<Picture> add_preview(Objects& objects, Preview const& preview);

}  // namespace perdure::format::pdf
