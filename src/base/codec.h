#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace perdure {

/// Appends the format's primitives to a byte string: little-endian integers, minimal LEB128
/// varints, length-prefixed byte strings.
class Encoder {
public:
    void u8(std::uint8_t value) { out_.push_back(std::byte{value}); }
    void u16(std::uint16_t value) { fixed(value, 2); }
    void u32(std::uint32_t value) { fixed(value, 4); }
    void u64(std::uint64_t value) { fixed(value, 8); }
    void i64(std::int64_t value) { fixed(static_cast<std::uint64_t>(value), 8); }
    void varint(std::uint64_t value);
    /// ZigZag, then varint: small negative numbers stay short.
    void svarint(std::int64_t value);
    void raw(ByteView view) { append(out_, view); }
    /// varint length, then the bytes.
    void bytes(ByteView view);
    void text(std::string_view view) { bytes(as_bytes(view)); }

    std::size_t size() const { return out_.size(); }
    Bytes const& view() const { return out_; }
    Bytes take() { return std::move(out_); }
    void clear() { out_.clear(); }
    void reserve(std::size_t count_bytes) { out_.reserve(count_bytes); }

private:
    void fixed(std::uint64_t value, int count);
    Bytes out_;
};

/// Reads what Encoder wrote, from untrusted bytes. After a first failure every read fails.
/// Fails: corrupt, on a short input, a varint that is not minimal or a length past the end.
class Decoder {
public:
    explicit Decoder(ByteView in) : in_(in) {}

    Result<std::uint8_t> u8();
    Result<std::uint16_t> u16();
    Result<std::uint32_t> u32();
    Result<std::uint64_t> u64();
    Result<std::int64_t> i64();
    Result<std::uint64_t> varint();
    Result<std::int64_t> svarint();
    /// A view into the input, valid as long as the input is.
    Result<ByteView> raw(std::size_t count);
    /// A length-prefixed string of at most max_bytes; a view into the input.
    Result<ByteView> bytes(std::size_t max_bytes);
    Result<std::string> text(std::size_t max_bytes);
    template <typename Id>
    Result<Id> id() {
        PD_TRY(ByteView view, raw(Id::size));
        return Id::from(view);
    }

    std::size_t left() const { return in_.size(); }
    bool done() const { return in_.empty(); }
    /// Fails: corrupt, unless everything was read.
    Result<void> expect_end() const;

private:
    Result<std::uint64_t> fixed(std::size_t count);
    ByteView in_;
};

}  // namespace perdure
