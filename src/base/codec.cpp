#include "base/codec.h"

namespace perdure {

void Encoder::fixed(std::uint64_t value, int count) {
    for (int i = 0; i < count; ++i) {
        out_.push_back(std::byte{static_cast<std::uint8_t>(value >> (8 * i))});
    }
}

void Encoder::varint(std::uint64_t value) {
    while (value >= 0x80) {
        out_.push_back(std::byte{static_cast<std::uint8_t>(value | 0x80)});
        value >>= 7;
    }
    out_.push_back(std::byte{static_cast<std::uint8_t>(value)});
}

void Encoder::svarint(std::int64_t value) {
    auto const bits = static_cast<std::uint64_t>(value);
    varint((bits << 1) ^ static_cast<std::uint64_t>(value >> 63));
}

void Encoder::bytes(ByteView view) {
    varint(view.size());
    append(out_, view);
}

namespace {
Error short_input() {
    return fail(Fault::corrupt, "the data ends too early");
}
}  // namespace

Result<std::uint64_t> Decoder::fixed(std::size_t count) {
    if (in_.size() < count) return short_input();
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < count; ++i) {
        value |= static_cast<std::uint64_t>(in_[i]) << (8 * i);
    }
    in_ = in_.subspan(count);
    return value;
}

Result<std::uint8_t> Decoder::u8() {
    PD_TRY(auto value, fixed(1));
    return static_cast<std::uint8_t>(value);
}
Result<std::uint16_t> Decoder::u16() {
    PD_TRY(auto value, fixed(2));
    return static_cast<std::uint16_t>(value);
}
Result<std::uint32_t> Decoder::u32() {
    PD_TRY(auto value, fixed(4));
    return static_cast<std::uint32_t>(value);
}
Result<std::uint64_t> Decoder::u64() {
    return fixed(8);
}
Result<std::int64_t> Decoder::i64() {
    PD_TRY(auto value, fixed(8));
    return static_cast<std::int64_t>(value);
}

Result<std::uint64_t> Decoder::varint() {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 10; ++i) {
        if (i >= in_.size()) return short_input();
        auto const part = static_cast<std::uint64_t>(in_[i]);
        if (i == 9 && part > 1) return fail(Fault::corrupt, "a varint exceeds 64 bits");
        value |= (part & 0x7f) << (7 * i);
        if (part < 0x80) {
            if (i > 0 && part == 0) return fail(Fault::corrupt, "a varint is not minimal");
            in_ = in_.subspan(i + 1);
            return value;
        }
    }
    return fail(Fault::corrupt, "a varint exceeds 64 bits");
}

Result<std::int64_t> Decoder::svarint() {
    PD_TRY(auto bits, varint());
    return static_cast<std::int64_t>((bits >> 1) ^ (~(bits & 1) + 1));
}

Result<ByteView> Decoder::raw(std::size_t count) {
    if (in_.size() < count) return short_input();
    auto const view = in_.first(count);
    in_ = in_.subspan(count);
    return view;
}

Result<ByteView> Decoder::bytes(std::size_t max_bytes) {
    PD_TRY(auto count, varint());
    if (count > max_bytes) return fail(Fault::corrupt, "a length exceeds its limit");
    return raw(static_cast<std::size_t>(count));
}

Result<std::string> Decoder::text(std::size_t max_bytes) {
    PD_TRY(auto view, bytes(max_bytes));
    return to_string(view);
}

Result<void> Decoder::expect_end() const {
    if (!in_.empty()) return fail(Fault::corrupt, "bytes follow the end of the data");
    return {};
}

}  // namespace perdure
