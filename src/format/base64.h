#pragma once

#include <string>

#include "base/bytes.h"

namespace perdure::format {

/// Base64 (RFC 4648 §4, with padding) at the end of `out`, quick enough for columns of pictures.
void append_base64(std::string& out, ByteView bytes);

}  // namespace perdure::format
