#include "format/archive/bag/bag_text.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/utf8.h"
#include "format/file_names.h"

namespace perdure::format {

namespace {

Result<std::string> from_utf16(ByteView bytes) {
    if (bytes.size() % 2 != 0) return fail(Fault::invalid, "half a UTF-16 unit");
    bool little = false;
    if (bytes.size() >= 2 && bytes[0] == std::byte{0xff} && bytes[1] == std::byte{0xfe}) {
        little = true;
        bytes = bytes.subspan(2);
    } else if (bytes.size() >= 2 && bytes[0] == std::byte{0xfe} && bytes[1] == std::byte{0xff}) {
        bytes = bytes.subspan(2);
    }
    auto const unit = [&](std::size_t at) {
        auto const a = std::to_integer<std::uint32_t>(bytes[at]);
        auto const b = std::to_integer<std::uint32_t>(bytes[at + 1]);
        return little ? b << 8 | a : a << 8 | b;
    };
    std::string out;
    for (std::size_t at = 0; at < bytes.size(); at += 2) {
        auto code = unit(at);
        if (code >= 0xdc00 && code < 0xe000) return fail(Fault::invalid, "half a character");
        if (code >= 0xd800 && code < 0xdc00) {
            at += 2;
            if (at >= bytes.size()) return fail(Fault::invalid, "half a character");
            auto const low = unit(at);
            if (low < 0xdc00 || low >= 0xe000) return fail(Fault::invalid, "half a character");
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        }
        append_utf8(out, code);
    }
    return out;
}

}  // namespace

Result<std::string> decode_tag_file(ByteView bytes, std::string_view encoding) {
    std::string const name = ascii_lower(encoding);
    auto const text = as_text(bytes);
    if (name == "utf-8" || name == "utf8" || name == "us-ascii" || name == "ascii") {
        if (text.starts_with("\xef\xbb\xbf")) return fail(Fault::invalid, "a byte order mark");
        if (!is_utf8(text)) return fail(Fault::invalid, "bytes that are no UTF-8");
        return std::string(text);
    }
    if (name == "utf-16" || name == "utf16" || name == "utf-16be") return from_utf16(bytes);
    if (name == "iso-8859-1" || name == "latin1") {
        std::string out;
        for (auto const c : text) append_utf8(out, static_cast<unsigned char>(c));
        return out;
    }
    return fail(Fault::unsupported, "tag files in the encoding \"" + std::string(encoding) + "\"");
}

std::vector<std::string> bag_lines(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        auto const end = std::min(text.find_first_of("\r\n"), text.size());
        if (end > 0) lines.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

std::string decode_bag_path(std::string_view path) {
    std::string out;
    for (std::size_t i = 0; i < path.size(); ++i) {
        auto const code = path.substr(i, 3);
        if (code == "%0A" || code == "%0a") {
            out += '\n';
        } else if (code == "%0D" || code == "%0d") {
            out += '\r';
        } else if (code == "%25") {
            out += '%';
        } else {
            out += path[i];
            continue;
        }
        i += 2;
    }
    return out;
}

std::string normal_name(std::string_view name) {
    return to_nfc(name);
}

}  // namespace perdure::format
