#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace perdure::format {

struct Bech32 {
    std::string prefix;  ///< in lower case
    Bytes data;
};
/// Bech32 (BIP 173) without its limit of 90 characters, as age writes keys. Lower case.
std::string to_bech32(std::string_view prefix, ByteView data);
/// Fails: invalid (mixed case, a foreign character, a checksum that does not fit, padding).
Result<Bech32> from_bech32(std::string_view text);

}  // namespace perdure::format
