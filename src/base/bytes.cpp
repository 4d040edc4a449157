#include "base/bytes.h"

namespace perdure {

std::string to_hex(ByteView bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (std::byte const b : bytes) {
        text.push_back(digits[std::to_integer<unsigned>(b >> 4)]);
        text.push_back(digits[std::to_integer<unsigned>(b & std::byte{15})]);
    }
    return text;
}

namespace {
int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
}  // namespace

Result<Bytes> from_hex(std::string_view text) {
    if (text.size() % 2 != 0) return fail(Fault::invalid, "hexadecimal text of odd length");
    Bytes bytes;
    bytes.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        int const high = hex_digit(text[i]);
        int const low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0) return fail(Fault::invalid, "a character is no hexadecimal digit");
        bytes.push_back(std::byte(static_cast<unsigned char>(high * 16 + low)));
    }
    return bytes;
}

std::string to_base64(ByteView bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        auto const have = std::min<std::size_t>(3, bytes.size() - i);
        std::uint32_t group = 0;
        for (std::size_t j = 0; j < 3; ++j) {
            group = group << 8 | (j < have ? std::to_integer<std::uint32_t>(bytes[i + j]) : 0);
        }
        for (std::size_t j = 0; j < 4; ++j) {
            text.push_back(j <= have ? base64_digits[group >> (18 - 6 * j) & 63] : '=');
        }
    }
    return text;
}

Result<Bytes> from_base64(std::string_view text) {
    if (text.size() % 4 != 0) return fail(Fault::invalid, "base64 text of a wrong length");
    Bytes bytes;
    for (std::size_t i = 0; i < text.size(); i += 4) {
        std::uint32_t group = 0;
        std::size_t have = 0;
        for (std::size_t j = 0; j < 4; ++j) {
            auto const digit = base64_digits.find(text[i + j]);
            if (digit != std::string_view::npos && have == j) {
                group = group << 6 | static_cast<std::uint32_t>(digit);
                ++have;
            } else if (text[i + j] == '=' && i + 4 == text.size() && j >= 2) {
                group <<= 6;
            } else {
                return fail(Fault::invalid, "a character is no base64 digit");
            }
        }
        // RFC 4648 §3.5: one text a value, or a changed character of a signature goes unnoticed.
        if ((group & ((1U << (24 - 8 * (have - 1))) - 1)) != 0) {
            return fail(Fault::invalid, "base64 text with bits that belong to no byte");
        }
        for (std::size_t j = 0; j + 1 < have; ++j) {
            bytes.push_back(std::byte(static_cast<unsigned char>(group >> (16 - 8 * j))));
        }
    }
    return bytes;
}

}  // namespace perdure
