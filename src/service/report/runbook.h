#pragma once

#include "data/stream.h"
#include "service/workspace.h"

namespace perdure::service {

/// What a stranger needs to bring this installation back on a bare machine: what is where, which
/// keys open it, the exact commands in their order, and how the last tests went. Made from the
/// configuration, the repository, the log of runs and the signed drills; never holds a secret.
struct Runbook {
    std::string markdown;
    /// What could not be asked while it was made (the text says so too).
    std::vector<data::Problem> problems;
};
/// Changes nothing. Needs the key for what the repository itself says; without it the rest is
/// there all the same, and `problems` tells.
Runbook make_runbook(Workspace& workspace);

}  // namespace perdure::service
