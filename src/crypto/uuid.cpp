#include "crypto/uuid.h"

#include <openssl/evp.h>

#include <array>
#include <optional>

#include "base/bytes.h"
#include "base/result.h"

namespace perdure::crypto {

namespace {

using Uuid = std::array<std::byte, 16>;

std::optional<Uuid> parse(std::string_view text) {
    if (text.size() != 36) return std::nullopt;
    Uuid out{};
    std::size_t digits = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        bool const dash = at == 8 || at == 13 || at == 18 || at == 23;
        if (dash && text[at] == '-') continue;
        auto const digit = std::string_view("0123456789abcdef")
                               .find(static_cast<char>(
                                   text[at] >= 'A' && text[at] <= 'F' ? text[at] + 32 : text[at]));
        if (dash || digit == std::string_view::npos) return std::nullopt;
        out[digits / 2] = static_cast<std::byte>(static_cast<unsigned>(out[digits / 2]) << 4 |
                                                 static_cast<unsigned>(digit));
        ++digits;
    }
    return out;
}

Uuid hashed(Uuid const& space, std::string_view name) {
    Bytes input(space.begin(), space.end());
    append(input, as_bytes(name));
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    PD_ASSERT(EVP_Digest(input.data(), input.size(), digest.data(), &size, EVP_sha1(), nullptr) ==
              1);
    Uuid out{};
    for (std::size_t at = 0; at < out.size(); ++at) out[at] = std::byte{digest[at]};
    out[6] = (out[6] & std::byte{0x0f}) | std::byte{0x50};
    out[8] = (out[8] & std::byte{0x3f}) | std::byte{0x80};
    return out;
}

}  // namespace

std::string uuid_v5(std::string_view space, std::string_view name) {
    // The URL space of RFC 9562 stands for texts that are no UUID.
    auto const root = parse("6ba7b811-9dad-11d1-80b4-00c04fd430c8");
    auto const base = parse(space);
    auto const uuid = hashed(base ? *base : hashed(*root, space), name);
    auto const hex = to_hex(ByteView(uuid));
    return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
           hex.substr(16, 4) + "-" + hex.substr(20);
}

}  // namespace perdure::crypto
