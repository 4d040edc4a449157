#include "format/container/npz/zip_index.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/codec.h"
#include "format/container/inflate.h"

namespace perdure::format {

namespace {

constexpr std::uint32_t local_mark = 0x04034b50, central_mark = 0x02014b50;
constexpr std::uint32_t end_mark = 0x06054b50, end64_mark = 0x06064b50, locator_mark = 0x07064b50;
constexpr std::uint32_t see_extra = 0xffff'ffff;
constexpr std::size_t end_bytes = 22, locator_bytes = 20, end64_bytes = 56, local_bytes = 30;
constexpr std::size_t comment_max = 65535, name_max = 4096;

Error bad(std::string what) {
    return fail(Fault::corrupt, "the zip is damaged: " + std::move(what));
}

Result<Bytes> read_exactly(system::File const& file, std::uint64_t offset, std::uint64_t count) {
    Bytes bytes(count);
    PD_TRY(auto const read, file.read_at(bytes, offset));
    if (read != count) return bad("it was cut short");
    return bytes;
}

struct Ending {
    std::uint64_t count = 0, size = 0, offset = 0;
    std::uint64_t begins = 0;  ///< where the directory must end
};

/// The end record, whose comment must reach exactly to the end of the file.
Result<std::pair<std::uint64_t, Bytes>> find_end(system::File const& file, std::uint64_t size) {
    auto const length = std::min<std::uint64_t>(size, end_bytes + comment_max);
    PD_TRY(auto const tail, read_exactly(file, size - length, length));
    for (std::size_t at = length < end_bytes ? 0 : length - end_bytes + 1; at-- > 0;) {
        Decoder in(ByteView(tail).subspan(at));
        PD_TRY(auto const mark, in.u32());
        if (mark != end_mark) continue;
        auto const record = ByteView(tail).subspan(at, end_bytes);
        auto const comment = std::to_integer<std::size_t>(record[20]) |
                             std::to_integer<std::size_t>(record[21]) << 8;
        if (at + end_bytes + comment == length) {
            return std::pair(size - length + at, to_bytes(record));
        }
    }
    return bad("it has no directory");
}

Result<Ending> read_end64(system::File const& file, std::uint64_t end_begins) {
    if (end_begins < locator_bytes + end64_bytes) return bad("no room for its zip64 directory");
    PD_TRY(auto const locator, read_exactly(file, end_begins - locator_bytes, locator_bytes));
    Decoder in(locator);
    PD_TRY(auto const mark, in.u32());
    PD_TRY(auto const disk, in.u32());
    PD_TRY(auto const where, in.u64());
    if (mark != locator_mark || disk != 0 || where != end_begins - locator_bytes - end64_bytes) {
        return bad("its zip64 locator points elsewhere");
    }
    PD_TRY(auto const record, read_exactly(file, where, end64_bytes));
    Decoder body(record);
    PD_TRY(auto const record_mark, body.u32());
    PD_TRY(auto const record_size, body.u64());
    PD_CHECK(body.raw(12));  // versions and disks
    PD_TRY(auto const count_here, body.u64());
    Ending ending{.begins = where};
    PD_TRY(ending.count, body.u64());
    PD_TRY(ending.size, body.u64());
    PD_TRY(ending.offset, body.u64());
    if (record_mark != end64_mark || record_size != end64_bytes - 12 ||
        count_here != ending.count) {
        return bad("its zip64 end record");
    }
    return ending;
}

Result<Ending> read_ending(system::File const& file, std::uint64_t size) {
    if (size < end_bytes) return bad("it is too short");
    PD_TRY(auto const found, find_end(file, size));
    Decoder in(found.second);
    PD_CHECK(in.u32());
    PD_TRY(auto const disk, in.u16());
    PD_TRY(auto const directory_disk, in.u16());
    PD_TRY(auto const count_here, in.u16());
    PD_TRY(auto const count, in.u16());
    PD_TRY(auto const directory_size, in.u32());
    PD_TRY(auto const offset, in.u32());
    if (count == 0xffff || directory_size == see_extra || offset == see_extra) {
        return read_end64(file, found.first);
    }
    if (disk != 0 || directory_disk != 0 || count_here != count) {
        return fail(Fault::unsupported, "a zip of several parts");
    }
    return Ending{count, directory_size, offset, found.first};
}

/// Takes what the plain fields left to the zip64 extra field.
Result<void> read_extra(ByteView extra, std::vector<std::uint64_t*> const& wanted) {
    Decoder in(extra);
    while (in.left() >= 4) {
        PD_TRY(auto const id, in.u16());
        PD_TRY(auto const size, in.u16());
        auto const field = in.raw(size);
        if (!field) return bad("an extra field longer than its place");
        if (id != 1) continue;
        Decoder body(*field);
        for (auto* const value : wanted) {
            auto const taken = body.u64();
            if (!taken) return bad("a zip64 field that is too short");
            *value = *taken;
        }
        return {};
    }
    if (!wanted.empty()) return bad("a zip64 field is missing");
    return {};
}

struct Fields {
    std::uint16_t flags = 0, method = 0;
    std::uint32_t crc = 0;
    std::uint64_t packed = 0, size = 0;
    std::uint16_t name_bytes = 0, extra_bytes = 0;
};

Result<Fields> read_fields(Decoder& in) {
    Fields fields;
    PD_CHECK(in.u16());  // version needed
    PD_TRY(fields.flags, in.u16());
    PD_TRY(fields.method, in.u16());
    PD_CHECK(in.u32());  // date
    PD_TRY(fields.crc, in.u32());
    PD_TRY(fields.packed, in.u32());
    PD_TRY(fields.size, in.u32());
    PD_TRY(fields.name_bytes, in.u16());
    PD_TRY(fields.extra_bytes, in.u16());
    return fields;
}

std::vector<std::uint64_t*> left_to_extra(Fields& fields) {
    std::vector<std::uint64_t*> wanted;
    if (fields.size == see_extra) wanted.push_back(&fields.size);
    if (fields.packed == see_extra) wanted.push_back(&fields.packed);
    return wanted;
}

Result<ZipEntry> read_central(Decoder& in) {
    auto const mark = in.u32();
    if (!mark || *mark != central_mark) return bad("its directory");
    PD_TRY(auto const maker, in.u16());
    PD_TRY(auto fields, read_fields(in));
    PD_TRY(auto const comment_bytes, in.u16());
    PD_TRY(auto const disk, in.u16());
    PD_CHECK(in.u16());
    PD_TRY(auto const attributes, in.u32());
    ZipEntry entry;
    PD_TRY(entry.begins, in.u32());
    PD_TRY(auto const name, in.raw(fields.name_bytes));
    PD_TRY(auto const extra, in.raw(fields.extra_bytes));
    PD_CHECK(in.raw(comment_bytes));
    auto wanted = left_to_extra(fields);
    if (entry.begins == see_extra) wanted.push_back(&entry.begins);
    PD_CHECK(read_extra(extra, wanted));
    if (disk != 0) return fail(Fault::unsupported, "a zip of several parts");
    if ((fields.flags & 1) != 0) {
        return fail(Fault::unsupported, "the zip is encrypted in a way we do not read")
            .with_fix("unpack it with its own program and pack it again");
    }
    if (fields.method != 0 && fields.method != 8) {
        return fail(Fault::unsupported, fmt::format("zip compression method {}", fields.method));
    }
    if (name.empty() || name.size() > name_max) return bad("an entry's name");
    entry.name = to_string(name);
    entry.folder = entry.name.ends_with('/');
    entry.deflated = fields.method == 8;
    entry.packed_bytes = fields.packed;
    entry.size_bytes = fields.size;
    entry.crc = fields.crc;
    if (maker >> 8 == 3) entry.unix_mode = attributes >> 16;
    if (!entry.deflated && entry.packed_bytes != entry.size_bytes) {
        return bad("a stored entry of two sizes");
    }
    return entry;
}

/// The local header must tell the same story as the directory.
Result<void> check_local(system::File const& file, ZipEntry& entry, std::uint64_t limit) {
    if (entry.begins > limit || limit - entry.begins < local_bytes) {
        return bad("an entry outside the file");
    }
    PD_TRY(auto const bytes, read_exactly(file, entry.begins, local_bytes));
    Decoder in(bytes);
    PD_TRY(auto const mark, in.u32());
    if (mark != local_mark) return bad("an entry's header");
    PD_TRY(auto fields, read_fields(in));
    std::uint64_t const rest = std::uint64_t{fields.name_bytes} + fields.extra_bytes;
    PD_TRY(auto const tail, read_exactly(file, entry.begins + local_bytes, rest));
    if (as_text(ByteView(tail).first(fields.name_bytes)) != entry.name) {
        return bad(fmt::format("\"{}\" has another name in its own header", entry.name));
    }
    bool const later = (fields.flags & 8) != 0;  // sizes follow the data
    PD_CHECK(read_extra(ByteView(tail).subspan(fields.name_bytes),
                        later ? std::vector<std::uint64_t*>() : left_to_extra(fields)));
    bool const differs = (fields.method == 8) != entry.deflated || (fields.flags & 1) != 0 ||
                         (!later && (fields.crc != entry.crc || fields.size != entry.size_bytes ||
                                     fields.packed != entry.packed_bytes));
    if (differs) return bad(fmt::format("\"{}\" is described in two ways", entry.name));
    entry.data_offset = entry.begins + local_bytes + rest;
    if (entry.data_offset > limit || limit - entry.data_offset < entry.packed_bytes) {
        return bad(fmt::format("\"{}\" reaches beyond the file", entry.name));
    }
    return {};
}

Result<void> check_apart(std::vector<ZipEntry> const& entries) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
    ranges.reserve(entries.size());
    for (auto const& entry : entries) {
        ranges.emplace_back(entry.begins, entry.data_offset + entry.packed_bytes);
    }
    std::ranges::sort(ranges);
    for (std::size_t i = 1; i < ranges.size(); ++i) {
        if (ranges[i].first < ranges[i - 1].second) return bad("entries lie over each other");
    }
    return {};
}

class EntryBytes : public data::ByteSource {
public:
    EntryBytes(system::File const& file, ZipEntry const& entry)
        : file_(file), entry_(entry), inflater_(DeflateWrapping::none), packed_(64 << 10) {}

    Result<std::size_t> read(ByteSpan into) override {
        if (into.empty()) return std::size_t{0};
        PD_TRY(auto const count, entry_.deflated ? inflate(into) : copy(into));
        crc_ = crc32_of(crc_, ByteView(into).first(count));
        given_ += count;
        if (given_ > entry_.size_bytes) return bad(entry_.name + " is longer than it says");
        if (count == 0 && (given_ != entry_.size_bytes || crc_ != entry_.crc)) {
            return bad(entry_.name + " does not fit its checksum");
        }
        return count;
    }
    Result<data::Entry> entry_after_reading() override { return data::Entry{}; }

private:
    Result<std::size_t> fetch(ByteSpan into) {
        auto const wanted = std::min<std::uint64_t>(into.size(), entry_.packed_bytes - taken_);
        PD_TRY(auto const count, file_.read_at(into.first(wanted), entry_.data_offset + taken_));
        if (count != wanted) return bad("it was cut short");
        taken_ += count;
        return count;
    }
    Result<std::size_t> copy(ByteSpan into) { return fetch(into); }

    Result<std::size_t> inflate(ByteSpan into) {
        while (!done_) {
            if (ready_.empty()) {
                PD_TRY(auto const count, fetch(packed_));
                ready_ = ByteView(packed_).first(count);
            }
            PD_TRY(auto const step, inflater_.step(ready_, into));
            bool const stuck = step.produced == 0 && step.consumed == 0 && !step.done;
            if (stuck) return bad(entry_.name + " ends within its data");
            ready_ = ready_.subspan(step.consumed);
            done_ = step.done;
            if (step.produced > 0) return step.produced;
        }
        if (!ready_.empty() || taken_ != entry_.packed_bytes) {
            return bad(entry_.name + " is followed by bytes of nobody");
        }
        return std::size_t{0};
    }

    system::File const& file_;
    ZipEntry entry_;
    Inflater inflater_;
    Bytes packed_;
    ByteView ready_;
    std::uint64_t taken_ = 0, given_ = 0;
    std::uint32_t crc_ = 0;
    bool done_ = false;
};

}  // namespace

Result<std::vector<ZipEntry>> read_zip_index(system::File const& file, ZipLimits limits) {
    PD_TRY(auto const size, file.size_bytes());
    PD_TRY(auto const ending, read_ending(file, size));
    if (ending.count > limits.entries_max || ending.size > limits.directory_bytes_max) {
        return fail(Fault::exhausted, fmt::format("a zip of {} entries", ending.count));
    }
    if (ending.size > ending.begins || ending.offset != ending.begins - ending.size) {
        return bad("its directory is not where it says");
    }
    PD_TRY(auto const directory, read_exactly(file, ending.offset, ending.size));
    Decoder in(directory);
    std::vector<ZipEntry> entries;
    for (std::uint64_t i = 0; i < ending.count; ++i) {
        auto entry = read_central(in);
        if (!entry)
            return entry.error().fault() == Fault::corrupt ? bad("its directory") : entry.error();
        PD_CHECK(check_local(file, *entry, ending.offset));
        entries.push_back(std::move(*entry));
    }
    if (!in.done()) return bad("its directory is longer than it says");
    PD_CHECK(check_apart(entries));
    return entries;
}

std::unique_ptr<data::ByteSource> open_zip_entry(system::File const& file, ZipEntry const& entry) {
    return std::make_unique<EntryBytes>(file, entry);
}

}  // namespace perdure::format
