#pragma once

#include <map>
#include <string>
#include <vector>

#include "data/record.h"
#include "format/record/json_tree.h"

namespace perdure::format {

/// manifest.json as it was read, of any version that is understood.
struct ArchiveManifest {
    struct TypeFile {
        std::string file;
        std::uint64_t count = 0;
    };
    std::string version, schema_version;
    unsigned schema = 0;  ///< its major number: 3 is the flat variant of seed 002
    std::vector<data::RecordType> types;
    std::vector<TypeFile> places;                  ///< beside `types`
    std::map<std::string, std::string> checksums;  ///< name as written → hexadecimal
    std::uint64_t memory_count = 0;
    std::vector<std::string> warnings;
    Json json;  ///< all of it, unknown members too

    /// Fails: invalid; unsupported (a newer major version, which is refused, or one before 3).
    static Result<ArchiveManifest> parse(std::string_view text);
};

inline constexpr std::uint64_t manifest_bytes_max = 64 << 20;

}  // namespace perdure::format
