// An .npz file from nobody knows where: what opens has rows that can be read, all of them alike.
#include <sys/mman.h>
#include <unistd.h>

#include "format/container/npz/npz_reader.h"

namespace {

using namespace perdure;

void read_rows(format::NpzReader const& reader) {
    for (auto const& [name, array] : reader.arrays()) {
        auto const rows = array.header.rows();
        std::size_t size = 0;
        for (std::uint64_t i = 0; i < std::min<std::uint64_t>(rows, 20); ++i) {
            auto const row = reader.row(name, i);
            if (!row) break;
            PD_ASSERT(i == 0 || row->size() == size);
            size = row->size();
            static_cast<void>(reader.text(name, i));
        }
        PD_ASSERT(!reader.row(name, rows));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    static auto const scratch = system::ScratchFolder::create();
    ByteView const bytes = std::as_bytes(std::span(data, size));
    // The header alone: its checksum would keep the fuzzer out.
    if (auto const header = format::NpyHeader::parse(bytes)) {
        auto const length = header->data_bytes();
        PD_ASSERT(!length || header->rows() == 0 || *length % header->rows() == 0);
        PD_ASSERT(header->header_bytes <= size);
    }
    int const file = ::memfd_create("fuzz.npz", 0);
    PD_ASSERT(file >= 0 && ::write(file, data, size) == static_cast<ssize_t>(size));
    auto const path = system::Path("/proc/self/fd") / std::to_string(file);
    auto const reader = format::NpzReader::open(path, scratch->path(), {.bytes_max = 16 << 20});
    if (reader) read_rows(*reader);
    ::close(file);
    return 0;
}
