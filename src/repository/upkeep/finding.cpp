#include "repository/upkeep/finding.h"

namespace perdure::repository {

std::string_view finding_name(Finding::Kind kind) {
    switch (kind) {
        case Finding::Kind::damaged:
            return "damaged";
        case Finding::Kind::missing:
            return "missing";
        case Finding::Kind::unreadable:
            return "unreadable";
        case Finding::Kind::unknown_handle:
            return "unknown handle";
        case Finding::Kind::disagreement:
            return "disagreement";
        case Finding::Kind::gap:
            return "gap";
    }
    return "unknown";
}

}  // namespace perdure::repository
