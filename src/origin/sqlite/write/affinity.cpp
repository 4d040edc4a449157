#include <algorithm>
#include <bit>
#include <cmath>

#include "base/ascii.h"
#include "origin/sqlite/write/builder.h"

namespace perdure::origin {

namespace {

constexpr std::size_t value_bytes_max = std::size_t{1} << 31;

/// Whether SQLite could read the text as a number, and so would store it as one.
bool looks_numeric(std::string_view text) {
    auto const blank = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
    auto const digit = [](char c) { return c >= '0' && c <= '9'; };
    std::size_t at = 0;
    auto const skip = [&](auto what) {
        auto const from = at;
        while (at < text.size() && what(text[at])) ++at;
        return at - from;
    };
    skip(blank);
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    std::size_t digits = skip(digit);
    if (at < text.size() && text[at] == '.') {
        ++at;
        digits += skip(digit);
    }
    if (digits == 0) return false;
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        ++at;
        if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
        if (skip(digit) == 0) return false;
    }
    skip(blank);
    return at == text.size();
}

bool looks_numeric(ByteView text, unsigned char encoding) {
    if (encoding == SQLITE_UTF8) return looks_numeric(as_text(text));
    std::string narrow;
    std::size_t const low = encoding == SQLITE_UTF16LE ? 0 : 1;
    for (std::size_t at = 0; at + 1 < text.size(); at += 2) {
        if (text[at + 1 - low] != std::byte{0}) return false;
        narrow += static_cast<char>(text[at + low]);
    }
    return looks_numeric(narrow);
}

/// Whether SQLite would store it as an integer; the least of them it leaves alone.
bool is_whole(double value) {
    constexpr double past_int64 = 9223372036854775808.0;
    return value > -past_int64 && value < past_int64 && std::trunc(value) == value;
}

}  // namespace

char affinity_of(std::string_view declared_type) {
    std::string const type = ascii_lower(declared_type);
    auto const has = [&](std::string_view part) { return type.find(part) != type.npos; };
    if (has("int")) return 'I';
    if (has("char") || has("clob") || has("text")) return 'T';
    if (has("blob") || type.empty()) return 'B';
    if (has("real") || has("floa") || has("doub")) return 'R';
    return 'N';
}

Result<bool> keeps_class(Decoder& in, char affinity, unsigned char encoding) {
    PD_TRY(std::uint8_t const tag, in.u8());
    bool const numeric = affinity == 'I' || affinity == 'N' || affinity == 'R';
    switch (tag) {
        case 1: {
            PD_TRY(std::int64_t const number, in.svarint());
            (void)number;
            return affinity != 'T' && affinity != 'R';
        }
        case 2: {
            PD_TRY(std::uint64_t const bits, in.u64());
            bool const shrinks =
                (affinity == 'I' || affinity == 'N') && is_whole(std::bit_cast<double>(bits));
            return affinity != 'T' && !shrinks;
        }
        case 3: {
            PD_TRY(ByteView const text, in.bytes(value_bytes_max));
            return !numeric || !looks_numeric(text, encoding);
        }
        case 4: {
            PD_TRY(ByteView const bytes, in.bytes(value_bytes_max));
            (void)bytes;
            return true;
        }
        default:
            return true;
    }
}

}  // namespace perdure::origin
