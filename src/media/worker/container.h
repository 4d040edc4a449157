#pragma once

#include "base/bytes.h"
#include "media/workshop.h"

namespace perdure::media::worker {

/// A PNG whose eXIf chunk and texts (location: those with XMP or raw profiles) are stripped.
/// Chunks of the picture stay byte for byte. Fails: corrupt.
Result<Bytes> strip_png(ByteView file, Strip strip);
/// What exiv2 leaves in a JPEG: continued XMP, multi-picture indexes, and what follows the end of
/// the picture (further pictures with their own places, films). Fails: corrupt.
Result<Bytes> strip_jpeg_rest(ByteView file, Strip strip);

}  // namespace perdure::media::worker
