#pragma once

#include "job/remap/remapped_target.h"
#include "repository/repository.h"

namespace perdure::job {

/// One property of a restored entry that is not what the snapshot (and the rules) say.
struct RestoredFault {
    std::string source, path;  ///< path: as it lies in the target
    std::string property;      ///< "missing", "kind", "mode", "owner", "group", "access list"…
    std::string expected, found;
};

struct RestoredCheck {
    std::uint64_t checked = 0;          ///< entries: files, folders, links
    std::vector<RestoredFault> faults;  ///< the first 10,000
    std::uint64_t faults_total = 0;
    std::vector<std::string> passed_over;  ///< sources that have no permissions (databases)
};

/// Compares every entry below `folder`/<source>/ with the snapshot: kind, mode, owner and group as
/// the rules map them, access lists and other attributes, link targets, sizes. Reads no contents.
/// Fails: not_found (a source's folder); corrupt; cancelled.
Result<RestoredCheck> verify_restored(repository::Repository& repository,
                                      repository::Snapshot const& snapshot,
                                      system::Path const& folder, Remap const& remap,
                                      std::stop_token stop);

}  // namespace perdure::job
