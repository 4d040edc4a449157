#pragma once

#include <mutex>
#include <string>
#include <unordered_set>

#include "data/stream.h"
#include "origin/merge/files/look_beneath.h"

namespace perdure::origin {

/// Logs and journals that a restore would put beside a database which stays as it is. SQLite asks
/// not whose they are: it plays them back into the file beside them, which is then the old one, or
/// broken. So they wait until everything else is judged.
/// Threads: any, until note_all_judged().
class DatabaseLogs {
public:
    explicit DatabaseLogs(int root) : root_(root) {}

    /// Whether a file, at whose path nothing stands, is to be fed once more after all others.
    bool waits(std::string const& path, Seen const& seen) const;
    /// A file that was judged, and does not become the snapshot's.
    void note_stays(std::string const& path);
    void note_all_judged() { all_judged_ = true; }
    /// By its name.
    bool lies_beside_kept(std::string const& path) const;
    /// By its first bytes: other files may have such names, too.
    static Result<bool> is_log(data::ByteSource& content);

    static constexpr std::string_view why =
        "it is the log of a SQLite database that stays as it is, into which it would be played "
        "back: choose both by --merge-strategy overwrite, or --to DIR";

private:
    int root_;
    bool all_judged_ = false;
    mutable std::mutex mutex_;
    std::unordered_set<std::size_t> staying_;  ///< hashes: a false match only blocks a log
};

}  // namespace perdure::origin
