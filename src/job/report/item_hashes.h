#pragma once

#include "repository/repository.h"

namespace perdure::job {

/// One thing that a snapshot holds, and the SHA-256 of what it says.
struct ItemHash {
    enum class Kind { file, folder, link, special, table, media } kind = Kind::file;
    std::string source, path;  ///< table name for tables
    std::uint64_t bytes = 0, rows = 0;
    std::uint32_t mode = 0, uid = 0, gid = 0;
    /// Of files and media: their bytes, holes as the zeros that they read as. Of links: the target.
    /// Of tables: every row's key and values in the order of keys, each with its length as u32 in
    /// front. Else empty.
    std::string sha256;
};
std::string_view item_kind_name(ItemHash::Kind kind);

struct ItemHashesReport {
    std::uint64_t items = 0, bytes = 0;
    std::uint64_t erased_subjects = 0;    ///< left out: their keys are destroyed
    std::vector<data::Problem> problems;  ///< what could not be read
};

/// Reads everything that a snapshot holds, so that a copy can be compared with it item by item,
/// without perdure. Trees in the order of their paths; tables, then media.
/// Memory: two sort runs (64 MiB), 200 B for each file that has several names.
Result<ItemHashesReport> hash_items(repository::Repository& repository,
                                    repository::Snapshot const& snapshot,
                                    std::function<Result<void>(ItemHash const&)> const& each,
                                    std::stop_token stop);

}  // namespace perdure::job
