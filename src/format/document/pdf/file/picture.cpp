#include "format/document/pdf/file/picture.h"

#include <fmt/format.h>
#include <zlib.h>

#include <cstdlib>

namespace perdure::format::pdf {

namespace {

constexpr std::size_t pixels_max = 100'000'000;

std::uint32_t number(ByteView bytes, std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        value = value << 8 | std::to_integer<std::uint32_t>(bytes[at + i]);
    }
    return value;
}

struct Png {
    unsigned width = 0, height = 0, channels = 0;
    bool palette = false;
    Bytes colours, alphas, packed;
};

Result<void> read_header(Png& png, ByteView body) {
    if (body.size() < 13) return fail(Fault::corrupt, "a PNG with a short header");
    png.width = number(body, 0);
    png.height = number(body, 4);
    auto const kind = std::to_integer<unsigned>(body[9]);
    bool const plain = body[8] == std::byte{8} && body[12] == std::byte{0};
    if (!plain || kind == 1 || kind == 5 || kind > 6) {
        return fail(Fault::unsupported, "a PNG that is deep, flat or interlaced");
    }
    png.palette = kind == 3;
    png.channels = kind == 2 ? 3 : kind == 4 ? 2 : kind == 6 ? 4 : 1;
    if (png.width == 0 || png.height == 0 || std::uint64_t{png.width} * png.height > pixels_max) {
        return fail(Fault::corrupt, "a PNG of an impossible size");
    }
    return {};
}

Result<Png> read_chunks(ByteView file) {
    Png png;
    auto rest = file.size() < 8 ? ByteView() : file.subspan(8);
    while (rest.size() >= 12) {
        std::size_t const size = number(rest, 0);
        if (size > rest.size() - 12) break;
        auto const type = as_text(rest.subspan(4, 4));
        auto const body = rest.subspan(8, size);
        if (type == "IHDR") PD_CHECK(read_header(png, body));
        if (type == "PLTE") png.colours = to_bytes(body);
        if (type == "tRNS" && png.palette) png.alphas = to_bytes(body);
        if (type == "IDAT") append(png.packed, body);
        rest = rest.subspan(size + 12);
    }
    if (png.width == 0 || png.packed.empty()) return fail(Fault::corrupt, "no PNG");
    return png;
}

unsigned paeth(int a, int b, int c) {
    int const p = a + b - c;
    int const pa = std::abs(p - a), pb = std::abs(p - b), pc = std::abs(p - c);
    return static_cast<unsigned>(pa <= pb && pa <= pc ? a : pb <= pc ? b : c);
}

/// Undoes the filter of each line (PNG §9); the first byte of a line names it.
Result<Bytes> pixels_of(Png const& png) {
    std::size_t const line = std::size_t{png.width} * png.channels;
    Bytes raw((line + 1) * png.height);
    auto size = static_cast<uLongf>(raw.size());
    if (::uncompress(reinterpret_cast<Bytef*>(raw.data()), &size,
                     reinterpret_cast<Bytef const*>(png.packed.data()),
                     png.packed.size()) != Z_OK ||
        size != raw.size()) {
        return fail(Fault::corrupt, "a PNG whose pixels cannot be read");
    }
    Bytes out(line * png.height);
    for (unsigned y = 0; y < png.height; ++y) {
        auto const filter = std::to_integer<unsigned>(raw[y * (line + 1)]);
        for (std::size_t x = 0; x < line; ++x) {
            auto const at = [&](bool left, bool up) -> int {
                if ((left && x < png.channels) || (up && y == 0)) return 0;
                return std::to_integer<int>(
                    out[(y - (up ? 1 : 0)) * line + x - (left ? png.channels : 0)]);
            };
            auto value = std::to_integer<unsigned>(raw[y * (line + 1) + 1 + x]);
            if (filter == 1) value += static_cast<unsigned>(at(true, false));
            if (filter == 2) value += static_cast<unsigned>(at(false, true));
            if (filter == 3) {
                value += static_cast<unsigned>((at(true, false) + at(false, true)) / 2);
            }
            if (filter == 4) value += paeth(at(true, false), at(false, true), at(true, true));
            out[y * line + x] = std::byte(value & 0xff);
        }
    }
    return out;
}

/// Colour samples and, where there is one, the alpha channel apart.
struct Planes {
    Bytes colour, alpha;
    unsigned channels = 3;
};

Planes planes_of(Png const& png, Bytes const& pixels) {
    Planes planes;
    std::size_t const count = std::size_t{png.width} * png.height;
    bool const has_alpha = png.channels == 4 || png.channels == 2 || !png.alphas.empty();
    planes.channels = png.palette || png.channels >= 3 ? 3 : 1;
    planes.colour.reserve(count * planes.channels);
    for (std::size_t i = 0; i < count; ++i) {
        if (png.palette) {
            auto const index = std::to_integer<std::size_t>(pixels[i]);
            for (std::size_t k = 0; k < 3; ++k) {
                auto const at = index * 3 + k;
                planes.colour.push_back(at < png.colours.size() ? png.colours[at] : std::byte{0});
            }
            if (has_alpha) {
                planes.alpha.push_back(index < png.alphas.size() ? png.alphas[index]
                                                                 : std::byte{255});
            }
            continue;
        }
        for (std::size_t k = 0; k < planes.channels; ++k) {
            planes.colour.push_back(pixels[i * png.channels + k]);
        }
        if (has_alpha) planes.alpha.push_back(pixels[(i + 1) * png.channels - 1]);
    }
    return planes;
}

std::string image_entries(unsigned width, unsigned height, std::string_view space) {
    return fmt::format(
        "/Type/XObject/Subtype/Image/Width {}/Height {}/BitsPerComponent 8/ColorSpace/{}", width,
        height, space);
}

}  // namespace

Result<Picture> add_png(Objects& objects, ByteView file) {
    PD_TRY(auto const png, read_chunks(file));
    PD_TRY(Bytes const pixels, pixels_of(png));
    auto const planes = planes_of(png, pixels);
    auto entries =
        image_entries(png.width, png.height, planes.channels == 3 ? "DeviceRGB" : "DeviceGray");
    if (!planes.alpha.empty()) {
        PD_TRY(
            Number const mask,
            objects.add_stream(image_entries(png.width, png.height, "DeviceGray"), planes.alpha));
        entries += "/SMask " + reference(mask);
    }
    PD_TRY(Number const image, objects.add_stream(entries, planes.colour));
    return Picture{image, png.width, png.height};
}

namespace {

/// How many colour channels a JPEG has, from its frame header; 0 if there is none.
unsigned jpeg_channels(ByteView file) {
    for (std::size_t at = 2; at + 10 < file.size();) {
        auto const marker = std::to_integer<unsigned>(file[at + 1]);
        if (file[at] != std::byte{0xff}) return 0;
        if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 &&
            marker != 0xcc) {
            return std::to_integer<unsigned>(file[at + 9]);
        }
        at += 2 + (std::to_integer<std::size_t>(file[at + 2]) << 8 |
                   std::to_integer<std::size_t>(file[at + 3]));
    }
    return 0;
}

}  // namespace

Result<Picture> add_jpeg(Objects& objects, Preview const& preview) {
    auto const channels = jpeg_channels(preview.bytes);
    if (channels != 1 && channels != 3) return fail(Fault::corrupt, "a JPEG without a frame");
    auto const number = objects.reserve();
    PD_CHECK(objects.put_raw_stream(
        number,
        image_entries(preview.width, preview.height, channels == 3 ? "DeviceRGB" : "DeviceGray") +
            "/Filter/DCTDecode",
        preview.bytes));
    return Picture{number, preview.width, preview.height};
}

Result<Picture> add_preview(Objects& objects, Preview const& preview) {
    if (preview.media_type == "image/jpeg") return add_jpeg(objects, preview);
    return add_png(objects, preview.bytes);
}

}  // namespace perdure::format::pdf
