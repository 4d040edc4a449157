#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/record.h"

namespace perdure::format {

/// Where the portable archive keeps what (docs/ARCHIVE.md). Names below the folder that holds
/// manifest.json.
namespace archive_name {
inline constexpr std::string_view root = "portable_backup/";
inline constexpr std::string_view manifest = "manifest.json";
inline constexpr std::string_view memories = "memories/memories.json";
inline constexpr std::string_view memory_vectors = "memories/embeddings.npz";
inline constexpr std::string_view projects = "code_index/projects.json";
inline constexpr std::string_view units = "code_index/semantic_units.json";
inline constexpr std::string_view unit_vectors = "code_index/embeddings.npz";
inline constexpr std::string_view media = "media/media.json";
inline constexpr std::string_view configuration = "config/export_config.json";
inline constexpr std::string_view statistics = "metadata/statistics.json";
inline constexpr std::string_view checksums = "metadata/checksums.sha256";
inline constexpr std::string_view signature = "metadata/checksums.sha256.minisig";
}  // namespace archive_name

inline constexpr std::string_view archive_version = "1.0.0";
/// 3 is what the implementation of seed 002 writes; 4 is the first of perdure.
inline constexpr std::string_view archive_schema_version = "4.0.0";

/// The files that one record type goes to.
struct TypePlace {
    std::string type;
    std::string records;  ///< "memories/memories.json"
    std::string index;    ///< "memories/memories.idx"
    std::string vectors;  ///< "memories/embeddings.npz"; empty: vectors stay in the records
    std::string count;    ///< the manifest's word: "memory_count"
};

/// By the type's name: memory and memories; project(s) and code_project(s); semantic_unit(s) and
/// code_unit(s); every other type gets a table of its own, whose name no other differs from by case
/// alone.
std::vector<TypePlace> place_types(std::vector<data::RecordType> const& types);

/// media/ab/abcd…
std::string media_name(std::string_view sha256_hex);

}  // namespace perdure::format
