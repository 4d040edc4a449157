#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "format/container/blocks.h"
#include "format/container/check.h"
#include "format/container/handle.h"

namespace perdure::format {

namespace {

constexpr std::size_t record_bytes = 512;

Error broken(std::string const& what) {
    return fail(Fault::corrupt, "the tar.gz is damaged: " + what);
}

/// Follows a tar stream that comes in pieces.
class TarCheck {
public:
    Result<void> take(ByteView bytes) {
        while (!bytes.empty()) {
            if (skip_ > 0) {
                auto const piece = std::min<std::uint64_t>(skip_, bytes.size());
                if (in_pax_) append(pax_, bytes.first(piece));
                skip_ -= piece;
                bytes = bytes.subspan(piece);
                continue;
            }
            auto const piece = std::min(record_bytes - header_.size(), bytes.size());
            append(header_, bytes.first(piece));
            bytes = bytes.subspan(piece);
            if (header_.size() < record_bytes) return {};
            PD_CHECK(header());
            header_.clear();
        }
        return {};
    }

    Result<ContainerCheck> finish() {
        if (skip_ > 0 || !header_.empty() || empty_ < 2) return broken("it ends too early");
        return found_;
    }

private:
    Result<void> header() {
        auto const text = as_text(header_);
        if (text.find_first_not_of('\0') == text.npos) {
            ++empty_;
            return {};
        }
        if (empty_ > 0) return broken("something stands behind its end");
        PD_TRY(auto const sum, octal(text.substr(148, 6)));
        unsigned counted = 8 * ' ';
        for (std::size_t i = 0; i < record_bytes; ++i) {
            if (i < 148 || i >= 156) counted += static_cast<unsigned char>(text[i]);
        }
        if (sum != counted) return broken("a header's checksum is wrong");
        PD_TRY(auto size, octal(text.substr(124, 11)));
        char const kind = text[156];
        if (auto const told = pax_size()) size = *told;
        in_pax_ = kind == 'x';
        if (in_pax_ && size > 64 * record_bytes) return broken("a header of no sensible size");
        if (kind == '0') {
            ++found_.files;
            found_.bytes += size;
        } else if (kind != 'x') {
            return broken("an entry that is no file");
        }
        skip_ = (size + record_bytes - 1) / record_bytes * record_bytes;
        return {};
    }

    /// What the pax record in front says about the size, and forgets it.
    std::optional<std::uint64_t> pax_size() {
        auto const pax = std::exchange(pax_, {});
        auto const text = as_text(pax);
        auto const at = text.find(" size=");
        std::uint64_t size = 0;
        if (at == text.npos) return std::nullopt;
        std::from_chars(text.data() + at + 6, text.data() + text.size(), size);
        return size;
    }

    static Result<std::uint64_t> octal(std::string_view text) {
        std::uint64_t value = 0;
        auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
        if (error != std::errc() || end == text.data()) return broken("a header without a number");
        return value;
    }

    Bytes header_, pax_;
    bool in_pax_ = false;
    std::uint64_t skip_ = 0, empty_ = 0;
    ContainerCheck found_;
};

struct EndInflate {
    z_stream* stream;
    ~EndInflate() { inflateEnd(stream); }
};

}  // namespace

Result<ContainerCheck> check_tar_gz(system::Path const& file, std::stop_token stop) {
    PD_TRY(auto opened, system::File::open_to_read(file));
    z_stream stream{};
    constexpr int gzip_window_bits = 15 + 16;
    if (inflateInit2(&stream, gzip_window_bits) != Z_OK) return fail(Fault::exhausted, "no memory");
    EndInflate const end{&stream};
    TarCheck tar;
    Bytes in(block_bytes / 4), out(block_bytes);
    bool inside = false;  // a member has begun and not ended
    while (true) {
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        if (stream.avail_in == 0) {
            PD_TRY(auto const got, opened.read(in));
            if (got == 0) break;
            stream.next_in = reinterpret_cast<Bytef*>(in.data());
            stream.avail_in = static_cast<uInt>(got);
        }
        inside = true;
        stream.next_out = reinterpret_cast<Bytef*>(out.data());
        stream.avail_out = static_cast<uInt>(out.size());
        int const status = inflate(&stream, Z_NO_FLUSH);
        if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
            return broken("a gzip member");
        }
        PD_CHECK(tar.take(ByteView(out).first(out.size() - stream.avail_out)));
        if (status == Z_STREAM_END) {
            inside = false;
            inflateReset(&stream);
        }
    }
    if (inside) return broken("it is cut off");
    return tar.finish();
}

}  // namespace perdure::format
