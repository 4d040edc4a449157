// What is left of a damaged tar: gzip members that are broken leave zeros of their length, so that
// headers stay at multiples of 512 bytes; a header that is no header is passed over, block by
// block, until one is.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "format/archive/unpack/gzip_members.h"
#include "format/archive/unpack/set_builder.h"

namespace perdure::format {

namespace {

constexpr std::size_t block_bytes = 512, pax_max = 1 << 20;

struct Header {
    std::string name;
    std::uint64_t size = 0;
    char kind = 0;
};

std::string_view field(std::string_view block, std::size_t at, std::size_t size) {
    auto const text = block.substr(at, size);
    return text.substr(0, text.find('\0'));
}

std::optional<std::uint64_t> octal(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    std::uint64_t value = 0;
    auto const parsed = std::from_chars(text.data(), text.data() + text.size(), value, 8);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<Header> parse(std::string_view block) {
    auto const sum = octal(field(block, 148, 8));
    std::uint64_t own = 0;
    for (std::size_t i = 0; i < block.size(); ++i) {
        own += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(block[i]);
    }
    auto const size = octal(field(block, 124, 12));
    if (!sum || *sum != own || !size || block.substr(257, 5) != "ustar") return std::nullopt;
    auto const prefix = field(block, 345, 155);
    auto const name = field(block, 0, 100);
    return Header{prefix.empty() ? std::string(name) : fmt::format("{}/{}", prefix, name), *size,
                  block[156]};
}

class Walk {
public:
    Walk(SetBuilder& builder, data::ByteSource& source) : builder_(builder), members_(source) {}

    Result<void> run(std::stop_token const& stop) {
        bool lost = false;
        while (true) {
            if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
            Bytes block(block_bytes);
            PD_TRY(auto const got, read(block));
            if (got.count < block_bytes) break;
            auto const header = parse(as_text(block));
            if (!header) {
                bool const zeros =
                    std::ranges::all_of(block, [](std::byte byte) { return byte == std::byte{0}; });
                lost = lost || !zeros || got.hole;
                continue;
            }
            PD_CHECK(take(*header));
        }
        if (members_.broken() > 0) {
            builder_.damage(fmt::format("{} compressed parts are broken", members_.broken()));
        }
        if (lost) builder_.damage("what stands between two files could not be read");
        return {};
    }

private:
    struct Got {
        std::size_t count = 0;
        bool hole = false;
    };

    Result<Got> read(ByteSpan into) {
        Got got;
        while (got.count < into.size()) {
            if (piece_.bytes.empty()) {
                PD_TRY(piece_, members_.next());
                if (piece_.bytes.empty()) break;
            }
            auto const count = std::min(piece_.bytes.size(), into.size() - got.count);
            std::copy_n(piece_.bytes.begin(), count,
                        into.begin() + static_cast<std::ptrdiff_t>(got.count));
            piece_.bytes = piece_.bytes.subspan(count);
            got.count += count;
            got.hole = got.hole || piece_.hole;
        }
        return got;
    }

    Result<void> take(Header header) {
        if (header.kind == 'x' && header.size <= pax_max) return take_pax(header.size);
        if (pax_size_) header.size = *pax_size_;
        if (!pax_name_.empty()) header.name = pax_name_;
        pax_size_.reset();
        pax_name_.clear();
        bool const file = header.kind == '0' || header.kind == 0;
        bool const folder = header.kind == '5';
        if (!file && !folder && header.kind != 'g') {
            builder_.damage(fmt::format("{}: a link or a device, left out", header.name));
        }
        bool begun = false;
        if (file) {
            auto const started = builder_.begin(header.name, header.size);
            begun = started.has_value();
            if (!begun && started.error().fault() != Fault::denied) return started.error();
            if (!begun) builder_.damage(started.error().message());
        }
        return pass(header, begun);
    }

    /// The file's bytes, and the rest of its last block.
    Result<void> pass(Header const& header, bool begun) {
        Bytes part(256 << 10);
        bool damaged = false;
        for (auto left = header.size; left > 0;) {
            auto const wanted = std::min<std::uint64_t>(left, part.size());
            PD_TRY(auto const got, read(ByteSpan(part).first(wanted)));
            damaged = damaged || got.hole || got.count < wanted;
            if (begun) PD_CHECK(builder_.write(ByteView(part).first(got.count)));
            if (got.count < wanted) break;
            left -= wanted;
        }
        auto const rest = (block_bytes - header.size % block_bytes) % block_bytes;
        PD_CHECK(read(ByteSpan(part).first(rest)));
        if (damaged) builder_.damage(fmt::format("{}: bytes are lost", header.name));
        return begun ? builder_.end(damaged) : Result<void>();
    }

    Result<void> take_pax(std::uint64_t size) {
        Bytes bytes((size + block_bytes - 1) / block_bytes * block_bytes);
        PD_TRY(auto const got, read(bytes));
        auto text = as_text(ByteView(bytes).first(std::min<std::uint64_t>(size, got.count)));
        while (!text.empty() && !got.hole) {
            std::size_t length = 0;
            auto const blank = text.find(' ');
            if (blank == text.npos) break;
            std::from_chars(text.data(), text.data() + blank, length);
            if (length <= blank + 1 || length > text.size()) break;
            auto const record = text.substr(blank + 1, length - blank - 2);
            if (record.starts_with("path=")) pax_name_ = std::string(record.substr(5));
            if (record.starts_with("size=")) {
                std::uint64_t value = 0;
                std::from_chars(record.data() + 5, record.data() + record.size(), value);
                pax_size_ = value;
            }
            text.remove_prefix(length);
        }
        return {};
    }

    SetBuilder& builder_;
    GzipMembers members_;
    GzipMembers::Piece piece_;
    std::string pax_name_;
    std::optional<std::uint64_t> pax_size_;
};

}  // namespace

Result<void> salvage_tar(SetBuilder& builder, data::ByteSource& source,
                         std::stop_token const& stop) {
    return Walk(builder, source).run(stop);
}

}  // namespace perdure::format
