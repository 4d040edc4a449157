#include "format/base64.h"

namespace perdure::format {

namespace {

constexpr std::string_view digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The two digits of every 12-bit number: half the steps of digit after digit.
constexpr auto pairs = [] {
    std::array<std::array<char, 2>, 4096> table{};
    for (std::size_t i = 0; i < table.size(); ++i) table[i] = {digits[i >> 6], digits[i & 63]};
    return table;
}();

}  // namespace

void append_base64(std::string& out, ByteView bytes) {
    auto const start = out.size();
    out.resize(start + (bytes.size() + 2) / 3 * 4);
    char* to = out.data() + start;
    auto const at = [&](std::size_t i) { return std::to_integer<std::uint32_t>(bytes[i]); };
    std::size_t i = 0;
    for (; i + 3 <= bytes.size(); i += 3, to += 4) {
        auto const group = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
        std::memcpy(to, pairs[group >> 12].data(), 2);
        std::memcpy(to + 2, pairs[group & 4095].data(), 2);
    }
    if (i == bytes.size()) return;
    bool const two = i + 2 == bytes.size();
    auto const group = at(i) << 16 | (two ? at(i + 1) << 8 : 0);
    std::memcpy(to, pairs[group >> 12].data(), 2);
    to[2] = two ? digits[group >> 6 & 63] : '=';
    to[3] = '=';
}

}  // namespace perdure::format
