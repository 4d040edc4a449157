#pragma once

#include "repository/repository.h"
#include "repository/upkeep/finding.h"

namespace perdure::repository {

struct RepairOptions {
    bool dry_run = false;
    unsigned threads = 2;
    UpkeepProgress progress;
};

struct Mended {
    std::string object;
    std::string by;  ///< "parity", "copy at local /mnt/b", "its other copies", "salvage", …
};

/// What cannot be read any more in one snapshot.
struct Loss {
    std::string snapshot;  ///< id
    std::string source;
    std::string path;  ///< of a file or folder; of rows: "table key …" or the person's handle
    std::string reason;
};

struct RepairReport {
    bool dry_run = false;
    std::uint64_t packs_checked = 0;
    std::vector<Mended> mended;  ///< on a dry run: what would be
    std::vector<Finding> left;   ///< what nothing could mend
    std::vector<Loss> losses;    ///< at most 10,000; losses_total counts all
    std::uint64_t losses_total = 0;
    /// Destinations that stopped answering, and why. Nothing is then forgotten, salvaged or called
    /// lost, since they may hold it.
    std::vector<data::Problem> unread;
};

/// Reads every object and mends what it can: three-fold objects from their other copies, packs by
/// parity, objects from other destinations (store().legs()), single frames by salvage into new
/// packs, the index from the packs. Then names exactly what is lost, per snapshot and path. Never
/// deletes, and replaces an object only by the body that its name or checksum proves, so the
/// readable set can only grow (borg #3444: a repair discarded valid items).
/// Fails: unavailable (nobody answers); exhausted; cancelled.
Result<RepairReport> repair(Repository& repository, RepairOptions const& options,
                            std::stop_token stop);

}  // namespace perdure::repository
