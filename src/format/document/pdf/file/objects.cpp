#include "format/document/pdf/file/objects.h"

#include <fmt/format.h>
#include <zlib.h>

#include <cmath>

#include "format/document/code_points.h"

namespace perdure::format::pdf {

namespace {

constexpr int deflate_level = 5;
constexpr std::size_t small_bytes_max = 48 << 10, small_count_max = 400;
constexpr Number table_rows_max = 500'000;
constexpr std::size_t row_bytes = 8;  // 1 type, 5 place, 2 index: an xref stream's /W [1 5 2]

std::string big_endian(std::uint64_t value, int count) {
    std::string out;
    for (int i = count - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i) & 0xff);
    return out;
}

}  // namespace

std::string reference(Number number) {
    return fmt::format("{} 0 R", number);
}

std::string text_string(std::string_view text) {
    std::string out = "<FEFF";
    while (!text.empty()) {
        auto const c = take_code_point(text);
        if (c >= 0x10000) {
            out += fmt::format("{:04X}{:04X}", 0xd800 + ((c - 0x10000) >> 10),
                               0xdc00 + ((c - 0x10000) & 0x3ff));
        } else {
            out += fmt::format("{:04X}", static_cast<std::uint32_t>(c));
        }
    }
    return out += '>';
}

std::string name_of(std::string_view text) {
    std::string out = "/";
    for (char const c : text) {
        bool const plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' ||
                           c == '_' || c == '.' || c == '+';
        if (plain) {
            out += c;
        } else {
            out += fmt::format("#{:02X}", static_cast<unsigned char>(c));
        }
    }
    return out;
}

void append_real(std::string& out, double value) {
    auto const thousandths = std::llround(value * 1000);
    if (thousandths < 0) out += '-';
    auto const size = static_cast<unsigned long long>(std::llabs(thousandths));
    fmt::format_to(std::back_inserter(out), "{}", size / 1000);
    auto const rest = static_cast<unsigned>(size % 1000);
    if (rest == 0) return;
    out += '.';
    out += static_cast<char>('0' + rest / 100);
    if (rest % 100 == 0) return;
    out += static_cast<char>('0' + rest / 10 % 10);
    if (rest % 10 != 0) out += static_cast<char>('0' + rest % 10);
}

std::string real(double value) {
    std::string out;
    append_real(out, value);
    return out;
}

Bytes deflated(ByteView bytes) {
    Bytes out(::compressBound(bytes.size()));
    auto size = static_cast<uLongf>(out.size());
    auto const status =
        ::compress2(reinterpret_cast<Bytef*>(out.data()), &size,
                    reinterpret_cast<Bytef const*>(bytes.data()), bytes.size(), deflate_level);
    PD_ASSERT(status == Z_OK);
    out.resize(size);
    return out;
}

Objects::Objects(OutputTree& tree) : places_(tree, "pdf-places") {}

Result<void> Objects::begin(std::unique_ptr<Output> out) {
    out_ = std::move(out);
    // Four bytes past 127 tell transfer programs that this is no text.
    return write("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n");
}

Result<void> Objects::write(std::string_view text) {
    size_ += text.size();
    return out_->write(text);
}

Result<void> Objects::note(Number number, unsigned type, std::uint64_t place, unsigned index) {
    return places_.add(big_endian(number, 4),
                       big_endian(type, 1) + big_endian(place, 5) + big_endian(index, 2));
}

Result<void> Objects::begin_object(Number number) {
    PD_CHECK(note(number, 1, size_, 0));
    return write(fmt::format("{} 0 obj\n", number));
}

Result<void> Objects::put(Number number, std::string_view body) {
    small_.emplace_back(number, static_cast<std::uint32_t>(small_bodies_.size()));
    small_bodies_ += body;
    small_bodies_ += '\n';
    if (small_.size() < small_count_max && small_bodies_.size() < small_bytes_max) return {};
    return flush_small();
}

Result<Number> Objects::add(std::string_view body) {
    auto const number = reserve();
    PD_CHECK(put(number, body));
    return number;
}

Result<void> Objects::flush_small() {
    if (small_.empty()) return {};
    auto const container = reserve();
    std::string head;
    for (unsigned i = 0; i < small_.size(); ++i) {
        head += fmt::format("{} {} ", small_[i].first, small_[i].second);
        PD_CHECK(note(small_[i].first, 2, container, i));
    }
    auto const entries = fmt::format("/Type/ObjStm/N {}/First {}", small_.size(), head.size());
    PD_CHECK(put_stream(container, entries, as_bytes(head + small_bodies_)));
    small_.clear();
    small_bodies_.clear();
    return {};
}

Result<void> Objects::put_stream(Number number, std::string_view entries, ByteView data) {
    auto const packed = deflated(data);
    return put_raw_stream(number, fmt::format("{}/Filter/FlateDecode", entries), packed);
}

Result<void> Objects::put_raw_stream(Number number, std::string_view entries, ByteView data) {
    PD_CHECK(begin_object(number));
    PD_CHECK(write(fmt::format("<<{}/Length {}>>\nstream\n", entries, data.size())));
    PD_CHECK(write(as_text(data)));
    return write("\nendstream\nendobj\n");
}

Result<Number> Objects::add_stream(std::string_view entries, ByteView data) {
    auto const number = reserve();
    PD_CHECK(put_stream(number, entries, data));
    return number;
}

namespace {

/// deflate in pieces.
class Deflater {
public:
    Deflater() { PD_ASSERT(::deflateInit(&stream_, deflate_level) == Z_OK); }
    ~Deflater() { ::deflateEnd(&stream_); }
    Deflater(Deflater const&) = delete;
    Deflater& operator=(Deflater const&) = delete;

    template <typename Take>
    Result<void> feed(std::string_view in, int flush, Take take) {
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
        stream_.avail_in = static_cast<uInt>(in.size());
        std::array<char, 32 << 10> out;
        do {
            stream_.next_out = reinterpret_cast<Bytef*>(out.data());
            stream_.avail_out = out.size();
            ::deflate(&stream_, flush);
            PD_CHECK(take(std::string_view(out.data(), out.size() - stream_.avail_out)));
        } while (stream_.avail_out == 0);
        return {};
    }

private:
    z_stream stream_{};
};

}  // namespace

Result<void> Objects::put_spool(Number number, std::string_view entries, KeptSpool& spool) {
    auto const length = reserve();
    PD_CHECK(begin_object(number));
    PD_CHECK(write(
        fmt::format("<<{}/Filter/FlateDecode/Length {}>>\nstream\n", entries, reference(length))));
    auto const begin = size_;
    Deflater deflater;
    auto const take = [&](std::string_view packed) { return write(packed); };
    PD_CHECK(spool.replay(
        [&](std::string_view piece) { return deflater.feed(piece, Z_NO_FLUSH, take); }));
    PD_CHECK(deflater.feed("", Z_FINISH, take));
    auto const size = size_ - begin;
    PD_CHECK(write("\nendstream\nendobj\n"));
    return put(length, fmt::format("{}", size));
}

Result<void> Objects::write_table(std::string const& rows, Number first, Trailer const& trailer,
                                  std::uint64_t& previous, bool last) {
    auto const place = size_;
    auto const own = reserve();
    auto all = rows;
    auto index = fmt::format("[{} {}", first, rows.size() / row_bytes);
    // Each table also tells its own place. The last ones number is the highest: it makes Size.
    all += big_endian(1, 1) + big_endian(place, 5) + big_endian(0, 2);
    index += fmt::format(" {} 1]", own);
    auto entries = fmt::format("/Type/XRef/W[1 5 2]/Index{}/Size {}", index, own + 1);
    if (previous != 0) entries += fmt::format("/Prev {}", previous);
    // Readers want the way to the root in every table.
    entries += fmt::format("/Root {}/Info {}/ID[<{}><{}>]", reference(trailer.root),
                           reference(trailer.info), trailer.id, trailer.id);
    auto const packed = deflated(as_bytes(all));
    PD_CHECK(write(fmt::format("{} 0 obj\n<<{}/Filter/FlateDecode/Length {}>>\nstream\n", own,
                               entries, packed.size())));
    PD_CHECK(write(as_text(packed)));
    PD_CHECK(write("\nendstream\nendobj\n"));
    previous = place;
    if (!last) return {};
    return write(fmt::format("startxref\n{}\n%%EOF\n", place));
}

Result<void> Objects::finish(Trailer const& trailer) {
    PD_CHECK(flush_small());
    auto const end = next_;  // numbers of the tables themselves come behind it
    std::string rows = big_endian(0, 1) + big_endian(0, 5) + big_endian(65535, 2);
    Number first = 0, expected = 1;
    std::uint64_t previous = 0;
    // Every reserved number was put, once: unless what a broken-off export left was damaged.
    auto const torn = [] {
        return fail(Fault::corrupt, "the places of a PDF's objects contradict each other")
            .with_fix("begin the export anew");
    };
    PD_CHECK(places_.merge([&](std::string_view key, std::string_view row) -> Result<void> {
        Number number = 0;
        for (char const c : key) number = number << 8 | static_cast<unsigned char>(c);
        if (number != expected) return torn();
        ++expected;
        rows += row;
        if (rows.size() < table_rows_max * row_bytes) return {};
        PD_CHECK(write_table(rows, first, trailer, previous, false));
        first = expected;
        rows.clear();
        return {};
    }));
    if (expected != end) return torn();
    PD_CHECK(write_table(rows, first, trailer, previous, true));
    return out_->finish();
}

Result<void> Objects::save(Encoder& state) {
    state.u32(next_);
    state.u64(size_);
    state.varint(small_.size());
    for (auto const& [number, offset] : small_) {
        state.u32(number);
        state.u32(offset);
    }
    state.text(small_bodies_);
    return places_.save(state);
}

Result<void> Objects::load(Decoder& state, std::unique_ptr<Output> out) {
    out_ = std::move(out);
    PD_TRY(next_, state.u32());
    PD_TRY(size_, state.u64());
    PD_TRY(auto const count, state.varint());
    if (count > small_count_max) return fail(Fault::corrupt, "too many small objects");
    for (std::uint64_t i = 0; i < count; ++i) {
        PD_TRY(Number const number, state.u32());
        PD_TRY(std::uint32_t const offset, state.u32());
        small_.emplace_back(number, offset);
    }
    PD_TRY(small_bodies_, state.text(64 << 20));
    return places_.load(state);
}

}  // namespace perdure::format::pdf
