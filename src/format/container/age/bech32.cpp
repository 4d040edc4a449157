#include "format/container/age/bech32.h"

#include <algorithm>

#include "base/ascii.h"

namespace perdure::format {

namespace {

constexpr std::string_view letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
constexpr std::size_t checksum_letters = 6;
constexpr std::size_t text_max = 4096;

using Groups = std::vector<std::uint8_t>;  // of five bits

std::uint32_t polymod(Groups const& values) {
    constexpr std::uint32_t generator[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
                                           0x2a1462b3};
    std::uint32_t check = 1;
    for (auto const value : values) {
        auto const top = check >> 25;
        check = (check & 0x1ffffff) << 5 ^ value;
        for (unsigned i = 0; i < 5; ++i) {
            if ((top >> i & 1) != 0) check ^= generator[i];
        }
    }
    return check;
}

Groups expand(std::string_view prefix) {
    Groups values;
    for (auto const c : prefix) values.push_back(static_cast<std::uint8_t>(c) >> 5);
    values.push_back(0);
    for (auto const c : prefix) values.push_back(static_cast<std::uint8_t>(c) & 31);
    return values;
}

Groups to_groups(ByteView data) {
    Groups groups;
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (auto const byte : data) {
        bits = (bits << 8 | std::to_integer<std::uint32_t>(byte)) & 0xfff;
        count += 8;
        while (count >= 5) {
            count -= 5;
            groups.push_back(bits >> count & 31);
        }
    }
    if (count > 0) groups.push_back(bits << (5 - count) & 31);
    return groups;
}

Result<Bytes> from_groups(std::span<std::uint8_t const> groups) {
    Bytes data;
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (auto const group : groups) {
        bits = (bits << 5 | group) & 0xfff;
        count += 5;
        if (count < 8) continue;
        count -= 8;
        data.push_back(std::byte(bits >> count & 0xff));
    }
    bool const padded = count < 5 && (bits & ((1U << count) - 1)) == 0;
    if (!padded) return fail(Fault::invalid, "bech32 text with wrong padding");
    return data;
}

}  // namespace

std::string to_bech32(std::string_view prefix, ByteView data) {
    auto const groups = to_groups(data);
    auto values = expand(prefix);
    values.insert(values.end(), groups.begin(), groups.end());
    values.insert(values.end(), checksum_letters, 0);
    auto const check = polymod(values) ^ 1;
    std::string text(prefix);
    text += '1';
    for (auto const group : groups) text += letters[group];
    for (unsigned i = 0; i < checksum_letters; ++i) text += letters[check >> (5 * (5 - i)) & 31];
    return text;
}

Result<Bech32> from_bech32(std::string_view text) {
    if (text.size() > text_max) return fail(Fault::invalid, "bech32 text too long");
    bool const upper = std::ranges::any_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
    bool const lower = std::ranges::any_of(text, [](char c) { return c >= 'a' && c <= 'z'; });
    if (upper && lower) return fail(Fault::invalid, "bech32 text in mixed case");
    std::string folded(text);
    for (auto& c : folded) {
        if (c <= ' ' || c > '~') return fail(Fault::invalid, "a character foreign to bech32");
        c = ascii_lower(c);
    }
    auto const separator = folded.rfind('1');
    if (separator == std::string::npos || separator == 0 ||
        folded.size() - separator - 1 < checksum_letters) {
        return fail(Fault::invalid, "no bech32 text");
    }
    Bech32 result{folded.substr(0, separator), {}};
    Groups groups;
    for (auto const c : std::string_view(folded).substr(separator + 1)) {
        auto const value = letters.find(c);
        if (value == letters.npos) return fail(Fault::invalid, "a character foreign to bech32");
        groups.push_back(static_cast<std::uint8_t>(value));
    }
    auto values = expand(result.prefix);
    values.insert(values.end(), groups.begin(), groups.end());
    if (polymod(values) != 1) return fail(Fault::invalid, "a bech32 checksum that does not fit");
    PD_TRY(result.data, from_groups(std::span(groups).first(groups.size() - checksum_letters)));
    return result;
}

}  // namespace perdure::format
