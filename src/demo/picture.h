#pragma once

#include "base/bytes.h"
#include "base/time.h"
#include "demo/dice.h"

namespace perdure::demo {

struct PictureSize {
    unsigned width = 0, height = 0;
};

/// A PNG (8-bit RGB) of a random landscape of colours.
Bytes make_png(Dice& dice, PictureSize size);

/// A baseline JPEG of the same kind with an EXIF part: camera, time taken, and for some a place.
/// Sizes are rounded up to whole blocks of 8.
Bytes make_jpeg(Dice& dice, PictureSize size, Timestamp taken);

}  // namespace perdure::demo
