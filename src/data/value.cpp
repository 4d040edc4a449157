#include "data/value.h"

#include <bit>

namespace perdure::data {

namespace {

enum : std::uint8_t { type_null = 0, type_integer, type_double, type_text, type_bytes };

/// A value longer than a frame can hold was never written by us.
constexpr std::size_t value_bytes_max = std::size_t{1} << 31;

}  // namespace

void encode_null(Encoder& out) {
    out.u8(type_null);
}

void encode_integer(Encoder& out, std::int64_t value) {
    out.u8(type_integer);
    out.svarint(value);
}

void encode_double(Encoder& out, double value) {
    out.u8(type_double);
    out.u64(std::bit_cast<std::uint64_t>(value));
}

void encode_text(Encoder& out, std::string_view text) {
    out.u8(type_text);
    out.text(text);
}

void encode_bytes(Encoder& out, ByteView bytes) {
    out.u8(type_bytes);
    out.bytes(bytes);
}

void encode_value(Encoder& out, Value const& value) {
    switch (value.index()) {
        case 0:
            return encode_null(out);
        case 1:
            return encode_integer(out, std::get<1>(value));
        case 2:
            return encode_double(out, std::get<2>(value));
        case 3:
            return encode_text(out, std::get<3>(value).bytes);
        default:
            return encode_bytes(out, std::get<4>(value));
    }
}

Result<Value> decode_value(Decoder& in) {
    PD_TRY(std::uint8_t const type, in.u8());
    switch (type) {
        case type_null:
            return Value(Null{});
        case type_integer: {
            PD_TRY(std::int64_t const number, in.svarint());
            return Value(number);
        }
        case type_double: {
            PD_TRY(std::uint64_t const bits, in.u64());
            return Value(std::bit_cast<double>(bits));
        }
        case type_text: {
            PD_TRY(std::string text, in.text(value_bytes_max));
            return Value(Text{std::move(text)});
        }
        case type_bytes: {
            PD_TRY(ByteView const view, in.bytes(value_bytes_max));
            return Value(to_bytes(view));
        }
        default:
            return fail(Fault::corrupt, "a value of an unknown type");
    }
}

bool same_value(Value const& a, Value const& b) {
    if (a.index() != b.index()) return false;
    if (auto const* number = std::get_if<double>(&a)) {
        return std::bit_cast<std::uint64_t>(*number) ==
               std::bit_cast<std::uint64_t>(std::get<double>(b));
    }
    return a == b;
}

}  // namespace perdure::data
