#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "origin/sqlite/handle.h"
#include "origin/sqlite/sqlite_origin.h"

// What the tests of this folder share; no part of the library.

namespace perdure::origin::testing {

/// Real databases that are no part of the project; empty when they are not on this machine.
inline std::filesystem::path shared_data() {
    if (char const* named = std::getenv("PERDURE_DATA")) return named;
    for (std::filesystem::path folder = std::filesystem::current_path(); folder.has_relative_path();
         folder = folder.parent_path()) {
        if (std::filesystem::exists(folder / "shared/data/README.md"))
            return folder / "shared/data";
    }
    return {};
}

inline Connection open_for_writing(system::Path const& path) {
    auto connection = Connection::open(path, {.flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE});
    if (!connection) std::abort();
    sqlite3_db_config(connection->get(), SQLITE_DBCONFIG_TRUSTED_SCHEMA, 1, nullptr);
    return std::move(*connection);
}

/// A row, kept.
struct KeptRow {
    Bytes subject, key, payload;
    std::uint32_t table = 0;
};

struct Snapshot {
    data::DatabaseSchema schema;
    std::vector<KeptRow> rows;
    data::LogicalDigest digest;
    std::vector<data::Problem> problems;

    std::size_t position(std::string_view table) const {
        for (std::size_t at = 0; at < schema.tables.size(); ++at) {
            if (schema.tables[at].name == table) return at;
        }
        return static_cast<std::size_t>(-1);
    }
    std::vector<KeptRow> rows_of(std::string_view table) const {
        std::vector<KeptRow> out;
        for (auto const& row : rows) {
            if (row.table == position(table)) out.push_back(row);
        }
        return out;
    }
};

Result<Snapshot> take(SourceOptions const& source);
/// Puts the snapshot into `folder` the way a repository does: rows sorted by (table, key).
/// Media contents are read from `source`.
Result<std::vector<data::Problem>> put_back(SourceOptions const& source, Snapshot snapshot,
                                            system::Path const& folder, bool overwrite = false);

/// Everything in which two databases differ, found without this room's reader: SQL, settings, and
/// each table row by row with typeof() and quote(), compared by SQLite's own C interface.
std::vector<std::string> differences(system::Path const& a, system::Path const& b);

}  // namespace perdure::origin::testing
