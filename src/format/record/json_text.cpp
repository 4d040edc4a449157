#include "format/record/json_text.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/utf8.h"
#include "format/base64.h"

namespace perdure::format {

namespace {

constexpr std::int64_t exact_integer_max = std::int64_t{1} << 53;

bool is_special(unsigned char c) {
    return c < 0x20 || c >= 0x7f || c == '"' || c == '\\';
}

/// Where the next byte that is not plain ASCII (a control, a quote, a backslash, or a part of a
/// longer character) lies, from `i` on; the size if there is none.
std::size_t find_special(std::string_view text, std::size_t i) {
#ifdef __SSE2__
    auto const quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    auto const space = _mm_set1_epi8(0x20), del = _mm_set1_epi8(0x7f);
    for (; i + 16 <= text.size(); i += 16) {
        auto const block = _mm_loadu_si128(reinterpret_cast<__m128i const*>(text.data() + i));
        // As signed numbers, bytes from 0x80 on are below the blank too.
        auto const hits =
            _mm_or_si128(_mm_or_si128(_mm_cmplt_epi8(block, space), _mm_cmpeq_epi8(block, del)),
                         _mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, slash)));
        auto const mask = static_cast<unsigned>(_mm_movemask_epi8(hits));
        if (mask != 0) return i + static_cast<std::size_t>(std::countr_zero(mask));
    }
#endif
    while (i < text.size() && !is_special(static_cast<unsigned char>(text[i]))) ++i;
    return i;
}

void escape(std::string& out, unsigned char c) {
    static constexpr char digits[] = "0123456789abcdef";
    static constexpr std::string_view named = "\"\\\n\r\t\b\f", spelt = "\"\\nrtbf";
    if (auto const at = named.find(static_cast<char>(c)); at != named.npos) {
        out += '\\';
        out += spelt[at];
        return;
    }
    out += "\\u00";
    out += digits[c >> 4];
    out += digits[c & 15];
}

/// Appends `text` escaped. False, with `out` half written, when it is not UTF-8.
bool append_escaped(std::string& out, std::string_view text) {
    std::size_t start = 0;
    for (std::size_t i = find_special(text, 0); i < text.size(); i = find_special(text, i)) {
        auto const c = static_cast<unsigned char>(text[i]);
        if (c >= 0x80) {
            auto const length = utf8_length(text.substr(i));
            if (length == 0) return false;
            i += length;
            continue;
        }
        out.append(text, start, i - start);
        escape(out, c);
        start = ++i;
    }
    out.append(text, start);
    return true;
}

void tagged(std::string& out, std::string_view tag, std::string_view text) {
    out += "{\"$";
    out += tag;
    out += "\":\"";
    out += text;
    out += "\"}";
}

void tagged_base64(std::string& out, std::string_view tag, ByteView bytes) {
    out += "{\"$";
    out += tag;
    out += "\":\"";
    append_base64(out, bytes);
    out += "\"}";
}

void integer(std::string& out, std::int64_t value) {
    char digits[24];
    auto const end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    std::string_view const text(digits, static_cast<std::size_t>(end - digits));
    if (value > exact_integer_max || value < -exact_integer_max) return tagged(out, "int64", text);
    out += text;
}

void real(std::string& out, double value) {
    if (std::isfinite(value)) {
        // A double that looks like an integer keeps its ".0", so that it reads back as a double.
        auto const start = out.size();
        json_double(out, value);
        if (out.find_first_of(".e", start) == std::string::npos) out += ".0";
        return;
    }
    if (std::isinf(value)) return tagged(out, "double", value > 0 ? "Infinity" : "-Infinity");
    std::uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    if (bits == 0x7ff8000000000000ULL) return tagged(out, "double", "NaN");
    char hex[20];
    auto const end = std::to_chars(hex, hex + sizeof hex, bits, 16).ptr;
    tagged(out, "double", "NaN:" + std::string(hex, static_cast<std::size_t>(end - hex)));
}

void text_value(std::string& out, std::string_view text) {
    auto const start = out.size();
    out += '"';
    if (append_escaped(out, text)) {
        out += '"';
        return;
    }
    out.resize(start);
    tagged_base64(out, "text", as_bytes(text));
}

}  // namespace

void json_string(std::string& out, std::string_view text) {
    out += '"';
    PD_ASSERT(append_escaped(out, text));
    out += '"';
}

void json_key(std::string& out, std::string_view name) {
    if (!is_utf8(name)) {
        out += "\"$text:";
        append_base64(out, as_bytes(name));
        out += "\":";
        return;
    }
    out += '"';
    if (name.starts_with('$')) out += '$';
    append_escaped(out, name);
    out += "\":";
}

void json_double(std::string& out, double value) {
    char digits[40];
    auto const end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    out.append(digits, static_cast<std::size_t>(end - digits));
}

void json_value(std::string& out, data::ValueView const& value) {
    switch (value.index()) {
        case 1:
            return integer(out, *std::get_if<std::int64_t>(&value));
        case 2:
            return real(out, *std::get_if<double>(&value));
        case 3:
            return text_value(out, *std::get_if<std::string_view>(&value));
        case 4:
            return tagged_base64(out, "bytes", *std::get_if<ByteView>(&value));
        default:
            out += "null";
    }
}

}  // namespace perdure::format
