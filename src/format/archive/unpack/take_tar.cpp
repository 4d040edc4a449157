#include <fmt/format.h>

#include "format/archive/unpack/handle.h"
#include "format/archive/unpack/set_builder.h"

namespace perdure::format {

namespace {

/// What libarchive reads from, and the error that stopped it.
struct Reading {
    data::ByteSource* source = nullptr;
    Bytes part = Bytes(256 << 10);
    std::optional<Error> error;
};

la_ssize_t give(::archive* reader, void* context, void const** bytes) {
    auto& reading = *static_cast<Reading*>(context);
    auto const count = reading.source->read(reading.part);
    if (!count) {
        reading.error = count.error();
        archive_set_error(reader, EIO, "%s", "the source failed");
        return -1;
    }
    *bytes = reading.part.data();
    return static_cast<la_ssize_t>(*count);
}

Error failure(::archive* reader, Reading const& reading) {
    if (reading.error) return *reading.error;
    auto const* const text = archive_error_string(reader);
    return fail(Fault::corrupt,
                fmt::format("the archive is damaged: {}", text ? text : "it cannot be read"));
}

/// libarchive warns of every name that the locale cannot spell, and keeps its bytes, which are what
/// we want; the program has no locale.
bool only_of_the_locale(::archive* reader) {
    auto const* const text = archive_error_string(reader);
    return text && std::string_view(text).contains("can't be converted from UTF-8 to current");
}

Result<void> take_entry(SetBuilder& builder, ::archive* reader, ::archive_entry* entry,
                        Reading const& reading, std::stop_token const& stop) {
    auto const* const name = archive_entry_pathname(entry);
    if (!name) return fail(Fault::denied, "the archive holds a name that is no text");
    auto const kind = archive_entry_filetype(entry);
    if (archive_entry_hardlink(entry) || kind == AE_IFLNK) {
        return fail(Fault::denied, fmt::format("the archive holds a link, \"{}\"",
                                               std::string_view(name).substr(0, 200)));
    }
    if (kind == AE_IFDIR) return SetBuilder::check_folder(name);
    if (kind != AE_IFREG) {
        return fail(Fault::denied, fmt::format("the archive holds a device or the like, \"{}\"",
                                               std::string_view(name).substr(0, 200)));
    }
    auto const size = archive_entry_size(entry);
    PD_CHECK(builder.begin(name, size < 0 ? 0 : static_cast<std::uint64_t>(size)));
    Bytes part(256 << 10);
    while (true) {
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        auto const count = archive_read_data(reader, part.data(), part.size());
        if (count < 0) return failure(reader, reading);
        if (count == 0) return builder.end(false);
        PD_CHECK(builder.write(ByteView(part).first(static_cast<std::size_t>(count))));
    }
}

}  // namespace

Result<void> take_tar(SetBuilder& builder, data::ByteSource& source, std::stop_token const& stop) {
    ArchiveHandle const reader(archive_read_new());
    if (!reader) return fail(Fault::exhausted, "no memory to read an archive");
    archive_read_support_filter_gzip(reader.get());
    archive_read_support_format_tar(reader.get());
    Reading reading{.source = &source};
    if (archive_read_open(reader.get(), &reading, nullptr, give, nullptr) != ARCHIVE_OK) {
        return failure(reader.get(), reading);
    }
    while (true) {
        ::archive_entry* entry = nullptr;
        auto const status = archive_read_next_header(reader.get(), &entry);
        if (status == ARCHIVE_EOF) return {};
        bool const warned = status == ARCHIVE_WARN && only_of_the_locale(reader.get());
        if (status != ARCHIVE_OK && !warned) return failure(reader.get(), reading);
        PD_CHECK(take_entry(builder, reader.get(), entry, reading, stop));
    }
}

}  // namespace perdure::format
