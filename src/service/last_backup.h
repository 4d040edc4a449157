#pragma once

#include <optional>

#include "service/workspace.h"

namespace perdure::service {

/// The newest backup that ended well, of any source, as this machine's log of runs has it; empty
/// where there is none, or no log.
std::optional<catalog::Run> last_good_backup(Workspace& workspace);

}  // namespace perdure::service
