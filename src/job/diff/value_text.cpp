#include "job/diff/value_text.h"

#include "base/utf8.h"

namespace perdure::job {

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
        append_utf8(out, code);
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
