// How a ZIP is written in one pass, resumable at any block:
//
//  1. An entry's local header is written before its data with sizes of zero and patched when they
//     are known. Patching again after a resume writes the same bytes.
//  2. Data is deflated in blocks of 1 MiB that end at a byte's border with nothing remembered, so a
//     checkpoint needs only the bytes that wait for a block to be full.
//  3. The central directory grows in a spool; memory holds 8 bytes a name.
//  4. Sizes of 64 bits: an entry known to be large gets the extra field at once. One of unknown
//     size gets it when much is expected. One that surprises by passing 4 GiB without it gets a
//     data descriptor of 64 bits; readers that go by the central directory, which is right in any
//     case, do not care.
#include <algorithm>
#include <chrono>
#include <optional>

#include "base/codec.h"
#include "format/container/blocks.h"
#include "format/container/entry_tree.h"

namespace perdure::format {

namespace {

constexpr std::uint8_t state_version = 1;
constexpr std::uint32_t large = 0xffff'ffff;  ///< "look into the 64-bit field"
constexpr std::uint64_t expected_large = std::uint64_t{1} << 30;
constexpr std::uint16_t flag_descriptor = 1 << 3, flag_utf8 = 1 << 11;
constexpr std::uint16_t version_plain = 20, version_zip64 = 45;
constexpr std::uint16_t made_by_unix = 3 << 8;
constexpr std::uint32_t regular_file = 0100644U << 16;

/// MS-DOS date and time in UTC: two seconds are its unit, 1980 to 2107 its range.
std::uint32_t dos_time(Timestamp time) {
    using namespace std::chrono;
    constexpr std::int64_t first = 315'532'800, last = 4'354'819'198;
    auto const seconds_now = std::clamp(time.seconds, first, last);
    sys_seconds const at{seconds(seconds_now)};
    auto const day = floor<days>(at);
    year_month_day const date(day);
    hh_mm_ss const clock(at - day);
    auto const days_part = static_cast<std::uint32_t>(int(date.year()) - 1980) << 9 |
                           unsigned(date.month()) << 5 | unsigned(date.day());
    auto const time_part = static_cast<std::uint32_t>(
        clock.hours().count() << 11 | clock.minutes().count() << 5 | clock.seconds().count() / 2);
    return days_part << 16 | time_part;
}

struct Entry {
    std::string name;
    std::uint64_t header_at = 0, size = 0, packed = 0;
    std::uint32_t crc = 0, dos = 0;
    bool deflated = true, zip64 = false;

    bool needs_64() const { return size >= large || packed >= large; }
    bool surprised() const { return needs_64() && !zip64; }
    std::uint16_t flags() const {
        bool const ascii =
            std::ranges::all_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
        return static_cast<std::uint16_t>((ascii ? 0 : flag_utf8) |
                                          (surprised() ? flag_descriptor : 0));
    }
    std::uint16_t method() const { return deflated ? 8 : 0; }
    std::uint32_t field_32(std::uint64_t value) const {
        return zip64 || needs_64() ? large : static_cast<std::uint32_t>(value);
    }

    Bytes local_header() const {
        Encoder out;
        out.raw(as_bytes("PK\3\4"));
        out.u16(zip64 ? version_zip64 : version_plain);
        out.u16(flags());
        out.u16(method());
        out.u32(dos);
        out.u32(surprised() ? 0 : crc);
        out.u32(field_32(packed));
        out.u32(field_32(size));
        out.u16(static_cast<std::uint16_t>(name.size()));
        out.u16(zip64 ? 20 : 0);
        out.raw(as_bytes(name));
        if (zip64) {
            out.u16(1);
            out.u16(16);
            out.u64(size);
            out.u64(packed);
        }
        return out.take();
    }

    Bytes directory_record() const {
        Encoder extra;
        if (zip64 || needs_64()) {
            extra.u64(size);
            extra.u64(packed);
        }
        if (header_at >= large) extra.u64(header_at);
        auto const version = extra.size() > 0 ? version_zip64 : version_plain;
        Encoder out;
        out.raw(as_bytes("PK\1\2"));
        out.u16(static_cast<std::uint16_t>(made_by_unix | version));
        out.u16(version);
        out.u16(flags());
        out.u16(method());
        out.u32(dos);
        out.u32(crc);
        out.u32(field_32(packed));
        out.u32(field_32(size));
        out.u16(static_cast<std::uint16_t>(name.size()));
        out.u16(static_cast<std::uint16_t>(extra.size() > 0 ? extra.size() + 4 : 0));
        out.u16(0);  // no comment
        out.u16(0);  // one disk
        out.u16(0);  // no internal attributes
        out.u32(regular_file);
        out.u32(header_at >= large ? large : static_cast<std::uint32_t>(header_at));
        out.raw(as_bytes(name));
        if (extra.size() > 0) {
            out.u16(1);
            out.u16(static_cast<std::uint16_t>(extra.size()));
            out.raw(extra.view());
        }
        return out.take();
    }

    void encode(Encoder& out) const {
        out.text(name);
        out.varint(header_at);
        out.varint(size);
        out.varint(packed);
        out.u32(crc);
        out.u32(dos);
        out.u8(deflated ? 1 : 0);
        out.u8(zip64 ? 1 : 0);
    }
    Result<void> decode(Decoder& in) {
        PD_TRY(name, in.text(file_name_bytes_max));
        PD_TRY(header_at, in.varint());
        PD_TRY(size, in.varint());
        PD_TRY(packed, in.varint());
        PD_TRY(crc, in.u32());
        PD_TRY(dos, in.u32());
        PD_TRY(auto const is_deflated, in.u8());
        PD_TRY(auto const is_zip64, in.u8());
        deflated = is_deflated != 0;
        zip64 = is_zip64 != 0;
        return {};
    }
};

class ZipTree : public EntryTree {
public:
    using EntryTree::EntryTree;

    Result<void> begin() {
        PD_TRY(out_, base_.create(name_, {.modified = options_.modified, .compressible = false}));
        PD_TRY(directory_, base_.spool("container/directory"));
        return begin_names(false);
    }

    Result<void> resume(ByteView state) {
        Decoder in(state);
        PD_TRY(auto const version, in.u8());
        if (version != state_version) return fail(Fault::corrupt, "a state of another version");
        PD_TRY(offset_, in.varint());
        PD_TRY(entries_, in.varint());
        PD_TRY(auto const open, in.u8());
        if (open != 0) {
            PD_CHECK(entry_.decode(in));
            PD_TRY(auto const waiting, in.bytes(block_bytes));
            open_name_ = entry_.name;
            waits_ = true;
            start_compressor(to_bytes(waiting));
        }
        PD_CHECK(in.expect_end());
        PD_TRY(out_, base_.reopen(name_));
        PD_TRY(directory_, base_.spool("container/directory"));
        return begin_names(true);
    }

    Result<void> write_entry(ByteView bytes) override {
        entry_.size += bytes.size();
        entry_.crc = crc32(entry_.crc, bytes);
        if (compressor_) return compressor_->write(bytes);
        entry_.packed += bytes.size();
        return put(bytes);
    }

    Result<void> finish_entry() override {
        if (compressor_) {
            PD_CHECK(compressor_->finish());
            compressor_.reset();
        }
        if (entry_.surprised()) {
            Encoder descriptor;
            descriptor.raw(as_bytes("PK\7\10"));
            descriptor.u32(entry_.crc);
            descriptor.u64(entry_.packed);
            descriptor.u64(entry_.size);
            PD_CHECK(put(descriptor.view()));
        }
        auto* const patchable = dynamic_cast<PatchableOutput*>(out_.get());
        if (!patchable) {
            return fail(Fault::unsupported, "a zip cannot be written into what only grows");
        }
        PD_CHECK(patchable->patch(entry_.header_at, entry_.local_header()));
        PD_CHECK(directory_->append(entry_.directory_record()));
        ++entries_;
        open_name_.clear();
        return {};
    }

    Result<Bytes> checkpoint() override {
        bool const open = !open_name_.empty();
        if (open && compressor_) PD_CHECK(compressor_->drain());
        Encoder out;
        out.u8(state_version);
        out.varint(offset_);
        out.varint(entries_);
        out.u8(open ? 1 : 0);
        if (open) {
            entry_.encode(out);
            out.bytes(compressor_ ? ByteView(compressor_->waiting()) : ByteView());
        }
        return out.take();
    }

    Result<void> finish() override {
        PD_ASSERT(open_name_.empty());
        auto const directory_at = offset_;
        Bytes piece(256 << 10);
        for (std::uint64_t at = 0; at < directory_->size_bytes();) {
            PD_TRY(auto const got, directory_->read_at(piece, at));
            if (got == 0) return fail(Fault::corrupt, "the spool of the directory is short");
            PD_CHECK(put(ByteView(piece).first(got)));
            at += got;
        }
        PD_CHECK(put(end_records(directory_at, offset_ - directory_at)));
        return out_->finish();
    }

protected:
    Result<void> begin_entry(std::string const& name, FileOptions const& options) override {
        entry_ = {.name = name,
                  .header_at = offset_,
                  .dos = dos_time(options.modified),
                  .deflated = options.compressible};
        // What cannot be packed may grow a little: stay clear of the border.
        constexpr std::uint64_t near_large = large - (std::uint64_t{64} << 20);
        entry_.zip64 = options.size_bytes >= near_large ||
                       (options.size_bytes == 0 && options_.expected_bytes >= expected_large);
        PD_CHECK(put(entry_.local_header()));
        if (options.compressible) start_compressor({});
        return {};
    }

private:
    void start_compressor(Bytes waiting) {
        if (!entry_.deflated) return;
        compressor_ = std::make_unique<BlockCompressor>(
            deflate_part,
            [this](ByteView packed) -> Result<void> {
                entry_.packed += packed.size();
                return put(packed);
            },
            std::move(waiting));
    }

    Bytes end_records(std::uint64_t directory_at, std::uint64_t directory_size) const {
        bool const big = entries_ >= 0xffff || directory_at >= large || directory_size >= large;
        Encoder out;
        if (big) {
            auto const record_at = directory_at + directory_size;
            out.raw(as_bytes("PK\6\6"));
            out.u64(44);
            out.u16(made_by_unix | version_zip64);
            out.u16(version_zip64);
            out.u32(0);
            out.u32(0);
            out.u64(entries_);
            out.u64(entries_);
            out.u64(directory_size);
            out.u64(directory_at);
            out.raw(as_bytes("PK\6\7"));
            out.u32(0);
            out.u64(record_at);
            out.u32(1);
        }
        auto const count = static_cast<std::uint16_t>(std::min<std::uint64_t>(entries_, 0xffff));
        auto const field = [](std::uint64_t value) {
            return static_cast<std::uint32_t>(std::min<std::uint64_t>(value, large));
        };
        out.raw(as_bytes("PK\5\6"));
        out.u16(0);
        out.u16(0);
        out.u16(count);
        out.u16(count);
        out.u32(field(directory_size));
        out.u32(field(directory_at));
        out.u16(0);
        return out.take();
    }

    std::unique_ptr<Spool> directory_;
    std::uint64_t entries_ = 0;
    Entry entry_;  ///< the open one
    std::unique_ptr<BlockCompressor> compressor_;
};

}  // namespace

Result<std::unique_ptr<OutputTree>> open_zip(OutputTree& base, std::string const& name,
                                             ContainerOptions options) {
    auto tree = std::make_unique<ZipTree>(base, name, options);
    PD_CHECK(tree->begin());
    return tree;
}

Result<std::unique_ptr<OutputTree>> resume_zip(OutputTree& base, std::string const& name,
                                               ContainerOptions options, ByteView state) {
    auto tree = std::make_unique<ZipTree>(base, name, options);
    PD_CHECK(tree->resume(state));
    return tree;
}

}  // namespace perdure::format
