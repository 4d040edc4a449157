#include "job/diff/value_text.h"

namespace perdure::job {

namespace {

void put_code(std::string& out, std::uint32_t code) {
    if (code < 0x80) {
        out += static_cast<char>(code);
        return;
    }
    int const more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    constexpr std::uint32_t leads[] = {0, 0xc0, 0xe0, 0xf0};
    out += static_cast<char>(leads[more] | (code >> (6 * more)));
    for (int i = more - 1; i >= 0; --i) out += static_cast<char>(0x80 | ((code >> (6 * i)) & 0x3f));
}

}  // namespace

std::string to_utf8(std::string_view text, std::string const& encoding) {
    if (!encoding.starts_with("UTF-16") || text.size() % 2 != 0) return std::string(text);
    bool const little = encoding == "UTF-16le";
    auto const unit = [&](std::size_t at) {
        auto const a = static_cast<unsigned char>(text[at]);
        auto const b = static_cast<unsigned char>(text[at + 1]);
        return static_cast<std::uint32_t>(little ? a | (b << 8) : b | (a << 8));
    };
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += 2) {
        std::uint32_t code = unit(at);
        bool const high = code >= 0xd800 && code < 0xdc00 && at + 3 < text.size();
        std::uint32_t const low = high ? unit(at + 2) : 0;
        if (high && low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            at += 2;
        } else if (code >= 0xd800 && code < 0xe000) {
            code = 0xfffd;
        }
        put_code(out, code);
    }
    return out;
}

data::Value as_utf8(data::Value value, std::string const& encoding) {
    if (auto* text = std::get_if<data::Text>(&value); text && encoding.starts_with("UTF-16")) {
        text->bytes = to_utf8(text->bytes, encoding);
    }
    return value;
}

}  // namespace perdure::job
