#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/codec.h"

namespace perdure::data {

struct Null {
    auto operator<=>(Null const&) const = default;
};
/// Text in the encoding of its database; may hold NUL and invalid sequences.
struct Text {
    std::string bytes;
    auto operator<=>(Text const&) const = default;
};
/// One typed value, lossless: doubles keep their bits, NaN included.
using Value = std::variant<Null, std::int64_t, double, Text, Bytes>;

/// Encoding of a value: one type byte (0 null, 1 integer, 2 double, 3 text, 4 bytes), then svarint,
/// 8 bytes of IEEE bits, or a length-prefixed string.
void encode_value(Encoder& out, Value const& value);
/// Fails: corrupt.
Result<Value> decode_value(Decoder& in);

/// The same without building a Value, for the hot path.
void encode_null(Encoder& out);
void encode_integer(Encoder& out, std::int64_t value);
void encode_double(Encoder& out, double value);
void encode_text(Encoder& out, std::string_view text);
void encode_bytes(Encoder& out, ByteView bytes);

/// Bit-exact equality (NaN equals the same NaN; 0.0 differs from -0.0).
bool same_value(Value const& a, Value const& b);

}  // namespace perdure::data
