#include "media/worker/container.h"

#include <array>

#include "media/worker/tags.h"

namespace perdure::media::worker {

namespace {

using namespace std::string_view_literals;

std::uint32_t big_endian(ByteView bytes, std::size_t count) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count; ++i)
        value = value << 8 | std::to_integer<unsigned>(bytes[i]);
    return value;
}

void append_big_endian(Bytes& out, std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(std::byte(value >> shift & 0xff));
}

/// CRC-32 of PNG (ISO 3309).
std::uint32_t crc(ByteView bytes) {
    std::uint32_t value = 0xffff'ffff;
    for (auto const byte : bytes) {
        value ^= std::to_integer<std::uint32_t>(byte);
        for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0xedb8'8320 : 0);
    }
    return ~value;
}

void append_chunk(Bytes& out, std::string_view type, ByteView body) {
    Bytes checked = to_bytes(type);
    append(checked, body);
    append_big_endian(out, static_cast<std::uint32_t>(body.size()));
    append(out, checked);
    append_big_endian(out, crc(checked));
}

bool is_text(std::string_view type) {
    return type == "tEXt" || type == "zTXt" || type == "iTXt";
}

/// Texts that may carry a place: XMP and raw profiles as ImageMagick and exiv2 write them.
bool may_tell_place(std::string_view body) {
    return body.starts_with("XML:com.adobe.xmp") || body.starts_with("Raw profile type");
}

/// XMP in an iTXt chunk (XMP part 3, §1.1.5): keyword, NUL, flags, two empty names, packet.
constexpr std::string_view xmp_front = "XML:com.adobe.xmp\0\0\0\0\0"sv;

void keep_text(Bytes& out, std::string_view type, ByteView body, Strip strip) {
    if (strip == Strip::everything) return;
    auto const text = as_text(body);
    if (!may_tell_place(text)) return append_chunk(out, type, body);
    if (type != "iTXt" || !text.starts_with(xmp_front)) return;  // compressed or raw: not kept
    auto const packet = strip_xmp(body.subspan(xmp_front.size()), strip);
    if (packet.empty()) return;
    Bytes kept = to_bytes(xmp_front);
    append(kept, packet);
    append_chunk(out, type, kept);
}

}  // namespace

Result<Bytes> strip_png(ByteView file, Strip strip) {
    constexpr std::size_t signature = 8, frame = 12;
    if (file.size() < signature) return fail(Fault::corrupt, "a PNG of a few bytes");
    Bytes out = to_bytes(file.first(signature));
    auto rest = file.subspan(signature);
    while (rest.size() >= frame) {
        std::size_t const size = big_endian(rest, 4);
        if (size > rest.size() - frame) break;
        auto const type = as_text(rest.subspan(4, 4));
        auto const body = rest.subspan(8, size);
        auto const chunk = rest.first(size + frame);
        rest = rest.subspan(size + frame);
        if (type == "eXIf") {
            auto const exif = strip_exif(body, strip);
            if (!exif.empty()) append_chunk(out, type, exif);
        } else if (is_text(type)) {
            keep_text(out, type, body, strip);
        } else if (type != "tIME" || strip != Strip::everything) {
            append(out, chunk);
        }
        if (type == "IEND") return out;  // what follows is no part of the picture
    }
    return fail(Fault::corrupt, "a PNG that ends in the middle");
}

namespace {

/// Whether an APPn segment is one that exiv2 does not know and that may tell a place.
bool unknown_metadata(unsigned marker, std::string_view body, Strip strip) {
    if (marker == 0xe1 && body.starts_with("http://ns.adobe.com/xmp/extension/")) return true;
    if (marker == 0xe2 && body.starts_with("MPF")) return true;
    if (strip != Strip::everything) return false;
    bool const needed = marker == 0xe0 || marker == 0xee ||  // JFIF; Adobe: says how colours lie
                        (marker == 0xe2 && body.starts_with("ICC_PROFILE")) ||
                        (marker == 0xe1 && body.starts_with("Exif"));
    return marker >= 0xe0 && marker <= 0xef && !needed;
}

/// Where the picture whose first scan begins at `at` ends: behind its EOI. Progressive pictures
/// have several scans with tables between them.
std::size_t end_of_scans(ByteView file, std::size_t at) {
    while (at + 1 < file.size()) {
        auto const next = std::to_integer<unsigned>(file[at + 1]);
        bool const is_data = file[at] != std::byte{0xff} || next == 0 || next == 0xff ||
                             (next >= 0xd0 && next <= 0xd7);
        if (is_data) {
            ++at;
        } else if (next == 0xd9) {
            return at + 2;
        } else if (at + 4 <= file.size()) {
            at += 2 + big_endian(file.subspan(at + 2), 2);
        } else {
            break;
        }
    }
    return file.size();
}

}  // namespace

Result<Bytes> strip_jpeg_rest(ByteView file, Strip strip) {
    if (file.size() < 4) return fail(Fault::corrupt, "a JPEG of a few bytes");
    Bytes out = to_bytes(file.first(2));
    std::size_t at = 2;
    while (at + 4 <= file.size()) {
        if (file[at] != std::byte{0xff}) return fail(Fault::corrupt, "a JPEG without markers");
        auto const marker = std::to_integer<unsigned>(file[at + 1]);
        if (marker == 0xff) {  // padding
            ++at;
            continue;
        }
        std::size_t const size = big_endian(file.subspan(at + 2), 2);
        if (size < 2 || size > file.size() - at - 2) break;
        auto const segment = file.subspan(at, size + 2);
        if (marker == 0xda) {
            append(out, file.subspan(at, end_of_scans(file, at + segment.size()) - at));
            return out;
        }
        if (!unknown_metadata(marker, as_text(segment.subspan(4)), strip)) append(out, segment);
        at += segment.size();
    }
    return fail(Fault::corrupt, "a JPEG that ends in the middle");
}

}  // namespace perdure::media::worker
