#pragma once

#include "service/workspace.h"

namespace perdure::service {

/// What the newest backup of a source could not take as it should.
struct LastSkipped {
    std::int64_t run = 0;
    std::uint64_t things = 0;
    std::string first;  ///< "path: reason"; empty where names are not kept
};
/// Empty: nothing was skipped, no backup ended well, or the log cannot be read.
std::optional<LastSkipped> last_skipped(catalog::RunLog& log, std::string const& source);

}  // namespace perdure::service
