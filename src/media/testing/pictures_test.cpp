#include "media/testing/pictures.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "data/bytes/memory_content.h"
#include "system/file.h"
#include "system/process.h"

namespace perdure::media::testing {

namespace {

void put(Bytes& out, std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(std::byte(value >> shift & 0xff));
}

std::uint32_t crc(ByteView bytes) {
    std::uint32_t value = ~0U;
    for (auto const byte : bytes) {
        value ^= std::to_integer<std::uint32_t>(byte);
        for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0xedb8'8320 : 0);
    }
    return ~value;
}

void chunk(Bytes& out, std::string_view type, ByteView body) {
    Bytes checked = to_bytes(type);
    append(checked, body);
    put(out, static_cast<std::uint32_t>(body.size()));
    append(out, checked);
    put(out, crc(checked));
}

/// Deflate without compression (RFC 1950, 1951 §3.2.4).
Bytes stored(ByteView raw) {
    Bytes out = {std::byte{0x78}, std::byte{1}};
    std::uint32_t a = 1, b = 0;
    for (auto const byte : raw) {
        a = (a + std::to_integer<std::uint32_t>(byte)) % 65521;
        b = (b + a) % 65521;
    }
    do {
        auto const part = raw.first(std::min<std::size_t>(raw.size(), 65535));
        raw = raw.subspan(part.size());
        auto const size = static_cast<unsigned>(part.size());
        for (unsigned const value :
             {raw.empty() ? 1U : 0U, size & 0xff, size >> 8, ~size & 0xff, ~size >> 8 & 0xff}) {
            out.push_back(std::byte(value));
        }
        append(out, part);
    } while (!raw.empty());
    put(out, b << 16 | a);
    return out;
}

}  // namespace

Bytes quarters_png(Size size, bool transparent) {
    Bytes raw;
    for (unsigned y = 0; y < size.height; ++y) {
        raw.push_back(std::byte{0});
        for (unsigned x = 0; x < size.width; ++x) {
            bool const right = x * 2 >= size.width, low = y * 2 >= size.height;
            std::array<unsigned, 4> const pixel = {right == low ? 255U : 0U, right ? 255U : 0U,
                                                   low ? 255U : 0U, right && low ? 0U : 255U};
            for (unsigned i = 0; i < (transparent ? 4U : 3U); ++i) {
                raw.push_back(std::byte(pixel[i]));
            }
        }
    }
    Bytes out = to_bytes(std::string_view("\x89PNG\r\n\x1a\n"));
    Bytes header;
    put(header, size.width);
    put(header, size.height);
    for (unsigned const value : {8U, transparent ? 6U : 2U, 0U, 0U, 0U}) {
        header.push_back(std::byte(value));
    }
    chunk(out, "IHDR", header);
    chunk(out, "IDAT", stored(raw));
    chunk(out, "IEND", {});
    return out;
}

Bytes with_tags(ByteView file, std::initializer_list<Tag> tags) {
    auto image = Exiv2::ImageFactory::open(reinterpret_cast<Exiv2::byte const*>(file.data()),
                                           static_cast<long>(file.size()));
    image->readMetadata();
    for (auto const& tag : tags) {
        std::string const key = tag.key;
        if (key.starts_with("Exif")) image->exifData()[key] = std::string(tag.value);
        if (key.starts_with("Xmp")) image->xmpData()[key] = std::string(tag.value);
        if (key.starts_with("Iptc")) image->iptcData()[key] = std::string(tag.value);
    }
    image->writeMetadata();
    auto& io = image->io();
    io.open();
    Bytes out(static_cast<std::size_t>(io.size()));
    io.seek(0, Exiv2::BasicIo::beg);
    io.read(reinterpret_cast<Exiv2::byte*>(out.data()), static_cast<long>(out.size()));
    return out;
}

std::shared_ptr<data::Content> content_of(Bytes bytes) {
    return std::make_shared<data::MemoryContent>(std::move(bytes));
}

Bytes read_all(data::Content& content) {
    auto source = content.open({});
    EXPECT_TRUE(source);
    Bytes out, buffer(64 << 10);
    while (true) {
        auto const got = (*source)->read(buffer);
        EXPECT_TRUE(got);
        if (!got || *got == 0) return out;
        append(out, ByteView(buffer).first(*got));
    }
}

Bytes decode_rgb(ByteView file) {
    Bytes out;
    auto const ended = system::run({.argv = {"ffmpeg", "-loglevel", "error", "-i", "-", "-f",
                                             "rawvideo", "-pix_fmt", "rgb24", "-"},
                                    .standard_input = to_bytes(file)},
                                   [&](ByteView bytes) -> Result<void> {
                                       append(out, bytes);
                                       return {};
                                   },
                                   {});
    EXPECT_TRUE(ended && ended->status == 0) << (ended ? ended->standard_error : "");
    return out;
}

}  // namespace perdure::media::testing
