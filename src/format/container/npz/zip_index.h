#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/stream.h"
#include "system/file.h"

namespace perdure::format {

struct ZipEntry {
    std::string name;
    std::uint64_t data_offset = 0, packed_bytes = 0, size_bytes = 0;
    std::uint64_t begins = 0;  ///< of its local header
    std::uint32_t crc = 0;
    bool deflated = false;
    bool folder = false;
    unsigned unix_mode = 0;  ///< 0 where the maker was no Unix
};

struct ZipLimits {
    std::size_t entries_max = 10'000'000;
    std::size_t directory_bytes_max = std::size_t{1} << 30;
};

/// The directory of a zip file, from bytes nobody vouches for: what it and the local headers say
/// must agree, no two entries may share bytes (overlapping bombs), nothing may stand before,
/// between directory and end, or after. Stored and deflated entries only. Fails: corrupt (what
/// disagrees), unsupported (encrypted, another method, several disks), exhausted.
Result<std::vector<ZipEntry>> read_zip_index(system::File const& file, ZipLimits limits = {});

/// The bytes of one entry; length and checksum are checked when the end is read. `file` must
/// outlive it. read() fails: corrupt.
std::unique_ptr<data::ByteSource> open_zip_entry(system::File const& file, ZipEntry const& entry);

}  // namespace perdure::format
