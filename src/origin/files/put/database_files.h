#pragma once

#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>

#include "base/bytes.h"
#include "system/file.h"

namespace perdure::origin {

/// The name or path of the database whose log, journal or shared memory bears this one; empty:
/// none.
std::string_view database_of(std::string_view name);
/// By its first bytes.
bool is_database(system::File const& file);
inline constexpr std::size_t log_magic_bytes = 4;
/// By its first bytes: a write-ahead log, or a journal that was not played back.
bool begins_as_log(ByteView head);
/// Whether an opened file is one; what is not open, or cannot be read, may be.
bool may_be_log(system::File const& file);

/// SQLite asks not whose log lies beside a database, and plays it back; and whoever has a database
/// open goes on writing into the file that was replaced. So of what a restore would put over what
/// is there (TargetOptions::overwrite), nothing takes the place of a database in use, no log comes
/// beside a database of another time, and no database beside a log of another time. Threads: any.
/// Memory: a hash of each file that may be a database, by its size.
class DatabaseFiles {
public:
    struct Name {
        int folder = -1;
        std::string const& name;
        std::string const& path;       ///< below the root of what is restored
        std::string const& temporary;  ///< what is to get the name, finished, in the same folder
    };
    /// What becomes of it depends on a file that may come yet: decided when all contents are there.
    bool waits(Name const& name) const;
    /// Why it may not get its name; empty: it may. `coming`: paths of all that wait.
    std::string why_not(Name const& name, std::set<std::string> const& coming) const;
    void note_put(Name const& name);

private:
    bool was_put(std::string_view path) const;
    /// The name of a log beside `name` that is of another time and stays.
    std::string stranger(Name const& name, std::set<std::string> const& coming) const;

    mutable std::mutex mutex_;
    std::unordered_set<std::size_t> put_;
};

}  // namespace perdure::origin
