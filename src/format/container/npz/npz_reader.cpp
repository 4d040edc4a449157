#include "format/container/npz/npz_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"

namespace perdure::format {

namespace {

/// A vector of eight million doubles.
constexpr std::uint64_t row_bytes_max = 64 << 20;

/// Copies an entry into a file of its own, or only reads it; `start` gets its first bytes.
Result<void> pass_through(data::ByteSource& source, system::File* into, Bytes& start) {
    Bytes part(256 << 10);
    while (true) {
        PD_TRY(auto const count, source.read(part));
        if (count == 0) return {};
        auto const bytes = ByteView(part).first(count);
        auto const missing = npy_header_max + 12 - std::min(start.size(), npy_header_max + 12);
        append(start, bytes.first(std::min(missing, count)));
        if (into) PD_CHECK(into->write(bytes));
    }
}

}  // namespace

Result<NpzReader> NpzReader::open(system::Path const& file, system::Path const& scratch,
                                  NpzLimits limits) {
    NpzReader reader;
    PD_TRY(auto opened, system::File::open_to_read(file));
    reader.file_ = std::make_unique<system::File>(std::move(opened));
    PD_TRY(auto const entries,
           read_zip_index(*reader.file_, {.entries_max = limits.arrays_max,
                                          .directory_bytes_max = limits.arrays_max * 8192}));
    std::uint64_t total = 0;
    for (auto const& entry : entries) {
        total += std::min(entry.size_bytes, limits.bytes_max);
        if (total > limits.bytes_max ||
            entry.size_bytes / limits.ratio_max > entry.packed_bytes + 1) {
            return fail(Fault::exhausted, fmt::format("array \"{}\" would unpack to {} bytes",
                                                      entry.name, entry.size_bytes));
        }
    }
    for (auto const& entry : entries) {
        auto added = reader.add(entry, scratch, limits);
        if (!added) return Error(std::move(added).error()).within(entry.name);
    }
    return reader;
}

Result<void> NpzReader::add(ZipEntry const& entry, system::Path const& scratch,
                            NpzLimits const& limits) {
    if (!entry.name.ends_with(".npy")) return fail(Fault::corrupt, "no array, but in an .npz file");
    auto const name = entry.name.substr(0, entry.name.size() - 4);
    if (arrays_.contains(name)) return fail(Fault::corrupt, "an array of that name came before");
    Array array{.data_offset = entry.data_offset, .file = file_.get()};
    auto source = open_zip_entry(*file_, entry);
    Bytes start;
    if (entry.deflated) {
        // The name is the archive's, the file's is ours.
        auto const path = scratch / fmt::format("array-{}", unpacked_.size());
        PD_TRY(auto unpacked, system::File::create(path));
        PD_CHECK(pass_through(*source, &unpacked, start));
        unpacked_.push_back(std::make_unique<system::File>(std::move(unpacked)));
        array.file = unpacked_.back().get();
        array.data_offset = 0;
        PD_CHECK(system::remove_file(path));  // it goes when it is closed
    } else {
        PD_CHECK(pass_through(*source, nullptr, start));
    }
    PD_TRY(array.header, NpyHeader::parse(start));
    PD_TRY(auto const data_bytes, array.header.data_bytes());
    if (array.header.header_bytes + data_bytes != entry.size_bytes) {
        return fail(
            Fault::corrupt,
            fmt::format("its shape asks for {} bytes, it has {}", data_bytes,
                        entry.size_bytes -
                            std::min<std::uint64_t>(entry.size_bytes, array.header.header_bytes)));
    }
    auto const rows = array.header.rows();
    if (rows > 0 && (data_bytes / rows > limits.row_bytes_max ||
                     (data_bytes < rows && rows > limits.empty_rows_max))) {
        return fail(Fault::exhausted, fmt::format("{} rows in {} bytes", rows, data_bytes));
    }
    if (array.header.fortran_order && array.header.shape.size() > 1) {
        return fail(Fault::unsupported, "an array in Fortran order");
    }
    array.data_offset += array.header.header_bytes;
    arrays_.emplace(name, std::move(array));
    return {};
}

NpzReader::Array const* NpzReader::find(std::string_view name) const {
    auto const found = arrays_.find(std::string(name));
    return found == arrays_.end() ? nullptr : &found->second;
}

Result<Bytes> NpzReader::row(std::string_view array, std::uint64_t index) const {
    auto const* found = find(array);
    if (!found || index >= found->header.rows()) {
        return fail(Fault::invalid, fmt::format("there is no row {} of \"{}\"", index, array));
    }
    PD_TRY(auto const all, found->header.data_bytes());
    auto const size = all / found->header.rows();
    if (size > row_bytes_max) {
        return fail(Fault::exhausted, fmt::format("a row of \"{}\" of {} bytes", array, size));
    }
    Bytes bytes(size);
    PD_TRY(auto const count, found->file->read_at(bytes, found->data_offset + index * size));
    if (count != size) return fail(Fault::corrupt, "an array was cut short");
    return bytes;
}

Result<std::string> NpzReader::text(std::string_view array, std::uint64_t index) const {
    PD_TRY(auto const bytes, row(array, index));
    auto const kind = find(array)->header.kind;
    std::string text;
    if (kind == 'S') {
        text = to_string(ByteView(bytes));
        text.resize(text.find_last_not_of('\0') + 1);
        return text;
    }
    if (kind != 'U') return fail(Fault::invalid, fmt::format("\"{}\" holds no texts", array));
    std::size_t used = bytes.size();
    while (used >= 4 && std::ranges::all_of(ByteView(bytes).subspan(used - 4, 4),
                                            [](std::byte b) { return b == std::byte{0}; })) {
        used -= 4;
    }
    for (std::size_t at = 0; at < used; at += 4) {
        std::uint32_t code = 0;
        std::memcpy(&code, bytes.data() + at, sizeof code);
        if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
            return fail(Fault::corrupt, fmt::format("\"{}\" holds no character {:x}", array, code));
        }
        append_utf8(text, code);
    }
    return text;
}

}  // namespace perdure::format
