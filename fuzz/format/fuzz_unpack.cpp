// Somebody's archive: tar, tar.gz, zip, or what a salvage makes of either. Whatever it is, nothing
// lies outside the scratch folder, every name is safe, and no limit is passed.
#include "format/archive/bag/bag.h"
#include "format/archive/read/portable_archive.h"
#include "format/archive/read/verify.h"
#include "format/archive/unpack/entry_name.h"
#include "format/container/check.h"
#include "fuzz/input.h"

namespace {

using namespace perdure;
using namespace perdure::format;

constexpr std::uint64_t bytes_max = 4 << 20, entries_max = 64;

OpenOptions options(bool salvage) {
    static auto const scratch = *system::ScratchFolder::create();
    OpenOptions made;
    made.limits = {.entries_max = entries_max, .bytes_max = bytes_max, .disk_reserve_bytes = 0};
    made.scratch_parent = scratch.path();
    made.salvage = salvage;
    return made;
}

void check(FileSet const& files) {
    PD_ASSERT(files.files().size() <= entries_max);
    std::uint64_t bytes = 0, on_disk = 0;
    for (auto const& [name, file] : files.files()) {
        auto const again = checked_name(name);
        PD_ASSERT(again && *again == name && !name.empty());
        bytes += file.bytes;
        if (!file.kept) continue;
        auto const read = files.read(name, bytes_max);
        PD_ASSERT(read && read->size() == file.bytes);
        PD_ASSERT(!file.hash || *file.hash == crypto::sha256(*read));
        ++on_disk;
    }
    PD_ASSERT(bytes <= bytes_max);
    std::uint64_t there = 0;
    for (auto const& entry : std::filesystem::recursive_directory_iterator(files.folder())) {
        PD_ASSERT(!entry.is_symlink());
        there += entry.is_regular_file() && entry.path().filename() != "container" ? 1 : 0;
    }
    PD_ASSERT(there == on_disk);
    static_cast<void>(check_bag(files, ""));
}

void records(PortableArchive const& archive) {
    auto const reader = open_archive_records(archive);
    for (int i = 0; i < 1000; ++i) {
        auto const record = reader->next({});
        if (!record || !*record) break;
        PD_ASSERT(!(*record)->type.empty());
    }
    static_cast<void>(reader->take_problems());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    fuzz::Input input(data, size);
    auto const kind = input.byte() % 8;
    fuzz::InputFile const file(input.rest());
    if (kind == 0) {
        static_cast<void>(check_zip(file.path(), {}));
    } else if (kind == 1) {
        static_cast<void>(check_tar_gz(file.path(), {}));
    } else if (kind == 2) {
        static_cast<void>(verify_archive(file.path(), {.open = options(false), .key = {}}, {}));
    } else if (kind < 5) {
        auto const archive = PortableArchive::open(file.path(), options(kind == 3), {});
        if (archive) records(*archive);
    } else {
        auto const files = FileSet::open(file.path(), options(kind == 5), {});
        if (files) check(*files);
    }
    return 0;
}
