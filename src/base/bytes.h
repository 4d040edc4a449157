#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace perdure {

using Bytes = std::vector<std::byte>;
using ByteView = std::span<std::byte const>;
using ByteSpan = std::span<std::byte>;

inline ByteView as_bytes(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}
inline std::string_view as_text(ByteView bytes) {
    return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}
inline Bytes to_bytes(ByteView view) {
    return {view.begin(), view.end()};
}
inline Bytes to_bytes(std::string_view text) {
    return to_bytes(as_bytes(text));
}
inline std::string to_string(ByteView view) {
    return std::string(as_text(view));
}
inline void append(Bytes& out, ByteView view) {
    out.insert(out.end(), view.begin(), view.end());
}
/// Equal in length and content. The library's algorithms go through std::byte one by one (g++ 12:
/// a nanosecond a byte), these two by the machine's widest registers.
inline bool same_bytes(ByteView a, ByteView b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}
/// `into` begins with all of `from`, and has room for it; they do not overlap.
inline void copy_bytes(ByteView from, ByteSpan into) {
    if (!from.empty()) std::memcpy(into.first(from.size()).data(), from.data(), from.size());
}

/// A fixed number of opaque bytes, ordered like memcmp. `Tag` keeps kinds of ids apart.
template <std::size_t N, typename Tag>
struct Opaque {
    std::array<std::byte, N> bytes{};

    static constexpr std::size_t size = N;
    /// Fails: invalid, when view is not exactly N bytes.
    static Result<Opaque> from(ByteView view) {
        if (view.size() != N) return fail(Fault::invalid, "an id of the wrong length");
        Opaque id;
        std::memcpy(id.bytes.data(), view.data(), N);
        return id;
    }
    ByteView view() const { return bytes; }
    bool is_zero() const { return *this == Opaque{}; }
    auto operator<=>(Opaque const&) const = default;
    bool operator==(Opaque const& other) const {
        return std::memcmp(bytes.data(), other.bytes.data(), N) == 0;
    }
};

/// Hash for unordered containers; the bytes of our ids are uniformly distributed already.
struct OpaqueHash {
    template <std::size_t N, typename Tag>
    std::size_t operator()(Opaque<N, Tag> const& id) const {
        std::size_t value = 0;
        std::memcpy(&value, id.bytes.data(), sizeof value);
        return value;
    }
};

/// Lower-case hexadecimal.
std::string to_hex(ByteView bytes);
/// Fails: invalid, on an odd length or a character that is no hexadecimal digit.
Result<Bytes> from_hex(std::string_view text);

/// Base64 (RFC 4648 §4, with padding).
std::string to_base64(ByteView bytes);
/// Fails: invalid.
Result<Bytes> from_base64(std::string_view text);

template <std::size_t N, typename Tag>
std::string to_hex(Opaque<N, Tag> const& id) {
    return to_hex(id.view());
}

}  // namespace perdure
