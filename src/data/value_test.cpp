#include "data/value.h"

#include <gtest/gtest.h>

#include <bit>
#include <limits>

namespace perdure::data {
namespace {

Value round_trip(Value const& value) {
    Encoder out;
    encode_value(out, value);
    Decoder in(out.view());
    auto back = decode_value(in);
    EXPECT_TRUE(back);
    EXPECT_TRUE(in.done());
    return back ? *back : Value{};
}

TEST(Value, EveryTypeReadsBackBitForBit) {
    Value const values[] = {Null{},
                            std::int64_t{0},
                            std::numeric_limits<std::int64_t>::min(),
                            std::numeric_limits<std::int64_t>::max(),
                            0.0,
                            -0.0,
                            std::bit_cast<double>(0x7ff8'0000'dead'beefULL),
                            std::numeric_limits<double>::infinity(),
                            Text{""},
                            Text{std::string("a\0b\xff", 4)},
                            Bytes{},
                            Bytes{std::byte{0}, std::byte{255}}};
    for (Value const& value : values) EXPECT_TRUE(same_value(value, round_trip(value)));
}

TEST(Value, SameValueTellsZeroFromMinusZeroAndTextFromBytes) {
    EXPECT_FALSE(same_value(0.0, -0.0));
    EXPECT_TRUE(same_value(std::numeric_limits<double>::quiet_NaN(),
                           std::numeric_limits<double>::quiet_NaN()));
    EXPECT_FALSE(same_value(Text{"a"}, to_bytes("a")));
    EXPECT_FALSE(same_value(std::int64_t{1}, 1.0));
}

TEST(Value, HasTheBytesThatTheFormatSays) {
    Encoder out;
    encode_null(out);
    encode_integer(out, -2);
    encode_text(out, "hi");
    encode_bytes(out, as_bytes("x"));
    encode_double(out, 1.0);
    EXPECT_EQ(to_hex(out.view()),
              "00"
              "0103"
              "03026869"
              "040178"
              "02000000000000f03f");
}

TEST(Value, UnknownTypesAndShortInputsAreCorrupt) {
    for (std::string_view const hex : {"05", "", "01", "0200", "0305aa", "04ffffffffffffffff7f"}) {
        Bytes const raw = *from_hex(hex);
        Decoder in(raw);
        auto const value = decode_value(in);
        ASSERT_FALSE(value) << hex;
        EXPECT_EQ(value.error().fault(), Fault::corrupt);
    }
}

}  // namespace
}  // namespace perdure::data
