#pragma once

#include "service/workspace.h"

namespace perdure::service {

/// One promise of [objectives], and how it stands.
struct Objective {
    std::string name;      ///< "rpo", "backup_success"
    std::string about;     ///< a source, or empty
    std::string wanted;    ///< as the file says it
    std::string measured;  ///< "3h", "0.982 of 56"; empty: nothing to measure yet
    bool met = false;
};

/// Measures each objective from the log of runs (the last 30 days) and the signed reports of
/// drills; unless `offline`, the destinations are asked whether the snapshots are still there.
/// Needs no key; what a destination that does not answer would say is taken for granted. Fails:
/// denied, corrupt (the log cannot be read).
Result<std::vector<Objective>> measure_objectives(Workspace& workspace, bool offline);

}  // namespace perdure::service
