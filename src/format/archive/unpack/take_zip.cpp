#include <sys/stat.h>

#include <fmt/format.h>

#include "format/archive/unpack/set_builder.h"
#include "format/container/npz/zip_index.h"

namespace perdure::format {

namespace {

Result<void> take_entry(SetBuilder& builder, system::File const& file, ZipEntry const& entry,
                        std::stop_token const& stop) {
    auto const source = open_zip_entry(file, entry);
    PD_CHECK(builder.begin(entry.name, entry.size_bytes));
    Bytes part(256 << 10);
    while (true) {
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        auto const count = source->read(part);
        if (!count) {
            if (!builder.options().salvage || count.error().fault() != Fault::corrupt) {
                return count.error();
            }
            builder.damage(fmt::format("{}: {}", entry.name, count.error().message()));
            return builder.end(true);
        }
        if (*count == 0) return builder.end(false);
        PD_CHECK(builder.write(ByteView(part).first(*count)));
    }
}

}  // namespace

Result<void> take_zip(SetBuilder& builder, system::File const& file, std::stop_token const& stop) {
    PD_TRY(auto const entries,
           read_zip_index(file, {.entries_max = builder.options().limits.entries_max}));
    for (auto const& entry : entries) {
        if (S_ISLNK(entry.unix_mode)) {
            return fail(Fault::denied,
                        fmt::format("the archive holds a link, \"{}\"", entry.name.substr(0, 200)));
        }
        if (entry.folder) {
            PD_CHECK(SetBuilder::check_folder(entry.name));
            continue;
        }
        PD_CHECK(take_entry(builder, file, entry, stop));
    }
    return {};
}

}  // namespace perdure::format
