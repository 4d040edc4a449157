#include "demo/picture.h"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#include <array>
#include <cmath>

#include "demo/deflate.h"

// JPEG by the least that ITU T.81 asks for: every 8 × 8 block has one colour, so only its DC
// coefficient is coded and an end-of-block follows. With quantisation 8, a DC step is one grey
// level.

namespace perdure::demo {
namespace {

struct Colour {
    std::array<int, 3> parts{};
};

/// A sky that fades into a ground, with a sun: smooth, and different every time.
class Scene {
public:
    Scene(Dice& dice, PictureSize size) : size_(size) {
        for (Colour* colour : {&sky_, &ground_, &sun_})
            for (int& part : colour->parts) part = static_cast<int>(dice.between(20, 235));
        horizon_ = dice.between(size.height / 4, size.height * 3 / 4 + 1);
        sun_x_ = dice.below(size.width);
        sun_y_ = dice.below(size.height / 2 + 1);
        radius_ = dice.between(size.width / 16 + 1, size.width / 5 + 2);
    }
    Colour at(unsigned x, unsigned y) const {
        auto const square = [](double a) { return a * a; };
        double const away = square(static_cast<double>(x) - static_cast<double>(sun_x_)) +
                            square(static_cast<double>(y) - static_cast<double>(sun_y_));
        if (away < square(static_cast<double>(radius_))) return sun_;
        Colour colour = y < horizon_ ? sky_ : ground_;
        for (int& part : colour.parts)
            part = part * static_cast<int>(256 - y * 128 / size_.height) / 256;
        return colour;
    }

private:
    PictureSize size_;
    Colour sky_, ground_, sun_;
    std::uint64_t horizon_ = 0, sun_x_ = 0, sun_y_ = 0, radius_ = 0;
};

void big_endian(Bytes& out, std::uint32_t value, int count) {
    for (int i = count - 1; i >= 0; --i) out.push_back(static_cast<std::byte>(value >> (8 * i)));
}

void png_chunk(Bytes& out, std::string_view type, ByteView data) {
    big_endian(out, static_cast<std::uint32_t>(data.size()), 4);
    std::size_t const start = out.size();
    append(out, as_bytes(type));
    append(out, data);
    auto const* bytes = reinterpret_cast<unsigned char const*>(out.data() + start);
    big_endian(out, crc32_gzip_refl(0, bytes, out.size() - start), 4);
}

class BitWriter {
public:
    explicit BitWriter(Bytes& out) : out_(out) {}
    void put(unsigned bits, int count) {
        for (int i = count - 1; i >= 0; --i) {
            pending_ = pending_ << 1 | (bits >> i & 1);
            if (++held_ == 8) flush();
        }
    }
    void finish() {
        while (held_ != 0) put(1, 1);
    }

private:
    void flush() {
        out_.push_back(static_cast<std::byte>(pending_));
        if (pending_ == 0xff) out_.push_back(std::byte{0});  // byte stuffing
        pending_ = 0;
        held_ = 0;
    }
    Bytes& out_;
    unsigned pending_ = 0;
    int held_ = 0;
};

/// Category c (number of bits of a difference) has the 4-bit code c; the tables below say so.
void put_difference(BitWriter& bits, int difference) {
    int category = 0;
    for (int rest = std::abs(difference); rest != 0; rest >>= 1) ++category;
    bits.put(static_cast<unsigned>(category), 4);
    int const coded = difference < 0 ? difference + (1 << category) - 1 : difference;
    bits.put(static_cast<unsigned>(coded), category);
    bits.put(0, 1);  // end of block
}

void marker(Bytes& out, unsigned code, ByteView body) {
    big_endian(out, 0xff00 | code, 2);
    big_endian(out, static_cast<std::uint32_t>(body.size() + 2), 2);
    append(out, body);
}

void jpeg_tables(Bytes& out, PictureSize size) {
    Bytes quantisation(65, std::byte{8});
    quantisation[0] = std::byte{0};
    marker(out, 0xdb, quantisation);
    Bytes frame;
    big_endian(frame, 8, 1);
    big_endian(frame, size.height, 2);
    big_endian(frame, size.width, 2);
    big_endian(frame, 3, 1);
    for (unsigned component = 1; component <= 3; ++component) {
        big_endian(frame, component, 1);
        big_endian(frame, 0x1100, 2);
    }
    marker(out, 0xc0, frame);
    Bytes direct(17);  // 12 categories, all of 4 bits
    direct[4] = std::byte{12};
    for (unsigned i = 0; i < 12; ++i) direct.push_back(static_cast<std::byte>(i));
    marker(out, 0xc4, direct);
    Bytes alternating(17);  // end-of-block, 1 bit
    alternating[0] = std::byte{0x10};
    alternating[1] = std::byte{1};
    alternating.push_back(std::byte{0});
    marker(out, 0xc4, alternating);
    Bytes scan;
    big_endian(scan, 3, 1);
    for (unsigned component = 1; component <= 3; ++component) big_endian(scan, component << 8, 2);
    big_endian(scan, 0x003f00, 3);
    marker(out, 0xda, scan);
}

/// A TIFF header with a directory of what cameras write; values longer than 4 bytes follow it.
Bytes make_exif(Dice& dice, Timestamp taken) {
    constexpr std::string_view cameras[] = {"Perdure Pinhole 1", "Kamera Müller", "FX-100",
                                            "Phone 9"};
    std::string camera(dice.pick(cameras));
    camera.push_back('\0');
    std::string time = to_rfc3339(taken).substr(0, 19) + '\0';
    time[4] = time[7] = ':';
    time[10] = ' ';
    Bytes out = to_bytes(std::string_view("Exif\0\0MM\0\x2a\0\0\0\x08", 14));
    std::uint32_t at = 8 + 2 + 3 * 12 + 4;
    big_endian(out, 3, 2);
    auto const field = [&](std::uint32_t tag, std::uint32_t type, std::uint32_t count,
                           std::uint32_t value) {
        big_endian(out, tag, 2);
        big_endian(out, type, 2);
        big_endian(out, count, 4);
        big_endian(out, value, 4);
    };
    auto const camera_bytes = static_cast<std::uint32_t>(camera.size());
    field(0x0110, 2, camera_bytes, at);
    field(0x0112, 3, 1, static_cast<std::uint32_t>(dice.chance(20) ? 6 : 1) << 16);
    field(0x0132, 2, 20, at + camera_bytes);
    big_endian(out, 0, 4);
    append(out, as_bytes(camera));
    append(out, as_bytes(time));
    return out;
}

}  // namespace

Bytes make_png(Dice& dice, PictureSize size) {
    Scene const scene(dice, size);
    Bytes rows;
    rows.reserve((size.width * 3 + 1) * std::size_t{size.height});
    for (unsigned y = 0; y < size.height; ++y) {
        rows.push_back(std::byte{0});
        for (unsigned x = 0; x < size.width; ++x)
            for (int part : scene.at(x, y).parts) rows.push_back(static_cast<std::byte>(part));
    }
    Bytes out = to_bytes(std::string_view("\x89PNG\r\n\x1a\n"));
    Bytes header;
    big_endian(header, size.width, 4);
    big_endian(header, size.height, 4);
    big_endian(header, 0x08020000, 4);
    header.push_back(std::byte{0});
    png_chunk(out, "IHDR", header);
    png_chunk(out, "IDAT", zlib_stream(rows));
    png_chunk(out, "IEND", {});
    return out;
}

Bytes make_jpeg(Dice& dice, PictureSize size, Timestamp taken) {
    size.width = (size.width + 7) / 8 * 8;
    size.height = (size.height + 7) / 8 * 8;
    Scene const scene(dice, size);
    Bytes out;
    big_endian(out, 0xffd8, 2);
    marker(out, 0xe1, make_exif(dice, taken));
    jpeg_tables(out, size);
    BitWriter bits(out);
    std::array<int, 3> before{};
    for (unsigned y = 0; y < size.height; y += 8)
        for (unsigned x = 0; x < size.width; x += 8) {
            auto const [r, g, b] = scene.at(x + 4, y + 4).parts;
            int const grain = static_cast<int>(dice.below(9)) - 4;
            std::array<int, 3> const now = {(299 * r + 587 * g + 114 * b) / 1000 - 128 + grain,
                                            (-169 * r - 331 * g + 500 * b) / 1000,
                                            (500 * r - 419 * g - 81 * b) / 1000};
            for (std::size_t i = 0; i < 3; ++i) put_difference(bits, now[i] - before[i]);
            before = now;
        }
    bits.finish();
    big_endian(out, 0xffd9, 2);
    return out;
}

}  // namespace perdure::demo
