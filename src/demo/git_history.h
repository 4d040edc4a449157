#pragma once

#include <stop_token>

#include "base/time.h"
#include "system/file.h"

namespace perdure::demo {

struct HistoryOptions {
    std::uint64_t seed = 1;
    Timestamp now;
    unsigned commits = 40;
};

/// A bare repository with a few branches and tags, by `git fast-import`. Without git on this
/// machine nothing is made: the rest of the server stands without it.
Result<void> make_git_repository(system::Path const& folder, HistoryOptions const& options,
                                 std::stop_token stop);

}  // namespace perdure::demo
