#include "service/last_backup.h"

namespace perdure::service {

std::optional<catalog::Run> last_good_backup(Workspace& workspace) {
    auto* log = workspace.runs();
    if (!log) return std::nullopt;
    auto found = log->last("backup", "", {catalog::Outcome::ok, catalog::Outcome::partial});
    return found ? std::move(*found) : std::nullopt;
}

}  // namespace perdure::service
