#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/codec.h"
#include "format/container/blocks.h"
#include "format/container/check.h"
#include "format/container/handle.h"

namespace perdure::format {

namespace {

constexpr std::uint32_t large = 0xffff'ffff;

Error broken(std::string const& what) {
    return fail(Fault::corrupt, "the zip is damaged: " + what);
}

struct Directory {
    std::uint64_t entries = 0, size = 0, at = 0;
};

struct Record {
    std::string name;
    std::uint16_t flags = 0, method = 0;
    std::uint32_t crc = 0;
    std::uint64_t packed = 0, size = 0, header_at = 0;
};

class ZipCheck {
public:
    explicit ZipCheck(system::File file) : file_(std::move(file)) {}

    Result<ContainerCheck> run(std::stop_token stop) {
        PD_TRY(size_, file_.size_bytes());
        PD_TRY(auto const directory, find_directory());
        ContainerCheck out;
        std::uint64_t at = directory.at, data_end = 0;
        for (std::uint64_t i = 0; i < directory.entries; ++i) {
            if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
            PD_TRY(auto const record, read_record(at));
            if (record.header_at != data_end) return broken("a gap before " + record.name);
            PD_TRY(data_end, check_entry(record));
            ++out.files;
            out.bytes += record.size;
        }
        if (at != directory.at + directory.size || data_end != directory.at) {
            return broken("its directory does not end where it should");
        }
        return out;
    }

private:
    Result<Bytes> read(std::uint64_t at, std::size_t count) {
        Bytes bytes(count);
        PD_TRY(auto const got, file_.read_at(bytes, at));
        if (got != count) return broken("it is cut off");
        return bytes;
    }

    Result<Directory> find_directory() {
        constexpr std::size_t end_bytes = 22, locator_bytes = 20;
        if (size_ < end_bytes) return broken("it is cut off");
        PD_TRY(auto const end, read(size_ - end_bytes, end_bytes));
        if (as_text(ByteView(end).first(4)) != "PK\5\6") return broken("it has no end");
        Decoder in(ByteView(end).subspan(10));
        PD_TRY(auto const entries, in.u16());
        PD_TRY(auto const size, in.u32());
        PD_TRY(auto const at, in.u32());
        Directory out{entries, size, at};
        if (entries != 0xffff && size != large && at != large) return out;
        if (size_ < end_bytes + locator_bytes) return out;
        PD_TRY(auto const locator, read(size_ - end_bytes - locator_bytes, locator_bytes));
        if (as_text(ByteView(locator).first(4)) != "PK\6\7") return out;
        Decoder where(ByteView(locator).subspan(8));
        PD_TRY(auto const record_at, where.u64());
        PD_TRY(auto const record, read(record_at, 56));
        Decoder fields(ByteView(record).subspan(32));
        PD_TRY(out.entries, fields.u64());
        PD_TRY(out.size, fields.u64());
        PD_TRY(out.at, fields.u64());
        return out;
    }

    Result<Record> read_record(std::uint64_t& at) {
        constexpr std::size_t fixed_bytes = 46;
        PD_TRY(auto const fixed, read(at, fixed_bytes));
        if (as_text(ByteView(fixed).first(4)) != "PK\1\2") return broken("a directory record");
        Decoder in(ByteView(fixed).subspan(8));
        Record record;
        PD_TRY(record.flags, in.u16());
        PD_TRY(record.method, in.u16());
        PD_TRY([[maybe_unused]] auto const dos, in.u32());
        PD_TRY(record.crc, in.u32());
        PD_TRY(record.packed, in.u32());
        PD_TRY(record.size, in.u32());
        PD_TRY(auto const name_bytes, in.u16());
        PD_TRY(auto const extra_bytes, in.u16());
        PD_TRY([[maybe_unused]] auto const rest, in.raw(10));
        PD_TRY(record.header_at, in.u32());
        PD_TRY(auto const tail, read(at + fixed_bytes, std::size_t{name_bytes} + extra_bytes));
        record.name = to_string(ByteView(tail).first(name_bytes));
        PD_CHECK(read_extra(record, ByteView(tail).subspan(name_bytes)));
        at += fixed_bytes + tail.size();
        return record;
    }

    Result<void> read_extra(Record& record, ByteView extra) {
        if (extra.empty()) return {};
        Decoder in(extra);
        PD_TRY(auto const tag, in.u16());
        PD_TRY([[maybe_unused]] auto const size, in.u16());
        if (tag != 1) return broken(record.name + " has a field that is not ours");
        if (record.size == large) {
            PD_TRY(record.size, in.u64());
            PD_TRY(record.packed, in.u64());
        }
        if (record.header_at == large) {
            PD_TRY(record.header_at, in.u64());
        }
        return in.expect_end();
    }

    /// Where the entry ends.
    Result<std::uint64_t> check_entry(Record const& record) {
        PD_TRY(auto const header, read(record.header_at, 30));
        if (as_text(ByteView(header).first(4)) != "PK\3\4") return broken(record.name);
        Decoder in(ByteView(header).subspan(6));
        PD_TRY(auto const flags, in.u16());
        PD_TRY(auto const method, in.u16());
        PD_TRY([[maybe_unused]] auto const dos, in.u32());
        PD_TRY(auto const crc, in.u32());
        PD_TRY([[maybe_unused]] auto const sizes, in.u64());
        PD_TRY(auto const name_bytes, in.u16());
        PD_TRY(auto const extra_bytes, in.u16());
        PD_TRY(auto const name, read(record.header_at + 30, name_bytes));
        bool const described = (flags & 1 << 3) != 0;
        if (to_string(name) != record.name || flags != record.flags || method != record.method ||
            (!described && crc != record.crc)) {
            return broken(record.name + ": its header and the directory differ");
        }
        auto const data_at = record.header_at + 30 + name_bytes + extra_bytes;
        PD_CHECK(method == 0 ? check_stored(record, data_at) : check_deflated(record, data_at));
        return data_at + record.packed + (described ? 24 : 0);
    }

    Result<void> check_sums(Record const& record, std::uint64_t size, std::uint32_t crc) {
        if (size == record.size && crc == record.crc) return {};
        return broken(record.name + ": its contents are not what was written");
    }

    Result<void> check_stored(Record const& record, std::uint64_t at) {
        std::uint32_t crc = 0;
        for (std::uint64_t done = 0; done < record.packed;) {
            auto const piece = std::min<std::uint64_t>(block_bytes, record.packed - done);
            PD_TRY(auto const bytes, read(at + done, piece));
            crc = crc32(crc, bytes);
            done += piece;
        }
        return check_sums(record, record.packed, crc);
    }

    Result<void> check_deflated(Record const& record, std::uint64_t at) {
        z_stream stream{};
        if (inflateInit2(&stream, -15) != Z_OK) return fail(Fault::exhausted, "no memory");
        struct End {
            z_stream* stream;
            ~End() { inflateEnd(stream); }
        } const end{&stream};
        Bytes out(block_bytes);
        std::uint64_t size = 0, done = 0;
        std::uint32_t crc = 0;
        int status = Z_OK;
        Bytes bytes;
        while (status != Z_STREAM_END) {
            if (stream.avail_in == 0) {
                auto const piece = std::min<std::uint64_t>(block_bytes / 4, record.packed - done);
                if (piece == 0) return broken(record.name + " is cut off");
                PD_TRY(bytes, read(at + done, piece));
                done += piece;
                stream.next_in = reinterpret_cast<Bytef*>(bytes.data());
                stream.avail_in = static_cast<uInt>(bytes.size());
            }
            stream.next_out = reinterpret_cast<Bytef*>(out.data());
            stream.avail_out = static_cast<uInt>(out.size());
            status = inflate(&stream, Z_NO_FLUSH);
            if (status != Z_OK && status != Z_STREAM_END) return broken(record.name);
            auto const made = ByteView(out).first(out.size() - stream.avail_out);
            size += made.size();
            crc = crc32(crc, made);
        }
        if (stream.avail_in != 0 || done != record.packed) return broken(record.name);
        return check_sums(record, size, crc);
    }

    system::File file_;
    std::uint64_t size_ = 0;
};

}  // namespace

Result<ContainerCheck> check_zip(system::Path const& file, std::stop_token stop) {
    PD_TRY(auto opened, system::File::open_to_read(file));
    return ZipCheck(std::move(opened)).run(std::move(stop));
}

}  // namespace perdure::format
