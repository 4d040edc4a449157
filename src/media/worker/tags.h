#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/time.h"
#include "media/workshop.h"

namespace perdure::media::worker {

/// What EXIF, IPTC and XMP say; by exiv2 0.27.
struct Tags {
    std::optional<Timestamp> taken;
    std::string caption;
    bool located = false;
    bool any = false;                ///< there is something at all
    unsigned width = 0, height = 0;  ///< as stored
    bool turned = false;             ///< shown with width and height exchanged
};

/// Of a whole file. Never fails: what cannot be read says nothing.
Tags read_tags(ByteView file);
/// Of bare EXIF (TIFF structure, with or without "Exif\0\0") and XMP, as other containers hold
/// them.
Tags read_tags(ByteView exif, ByteView xmp);
/// What the first says, and the second where the first is silent.
Tags joined(Tags first, Tags const& second);

/// The file without its location, or (`everything`) without any metadata but the orientation and
/// the colour profile; its picture data stay byte for byte.
/// Fails: unsupported (a container that cannot be rewritten so), corrupt.
Result<Bytes> strip_tags(ByteView file, std::string_view media_type, Strip strip);
/// The same for bare EXIF and XMP; empty when nothing is left or it cannot be read.
Bytes strip_exif(ByteView exif, Strip strip);
Bytes strip_xmp(ByteView xmp, Strip strip);

}  // namespace perdure::media::worker
