#pragma once

#include "base/bytes.h"

namespace perdure::demo {

/// A gzip member (RFC 1952) without name or time, so that the same input gives the same bytes.
Bytes gzip(ByteView bytes);
/// A zlib stream (RFC 1950).
Bytes zlib_stream(ByteView bytes);

}  // namespace perdure::demo
