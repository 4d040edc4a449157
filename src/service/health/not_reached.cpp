#include "service/health/not_reached.h"

namespace perdure::service {

std::vector<data::Problem> not_reached(Workspace const& workspace) {
    auto places = unfit_destinations(workspace);
    for (auto& place : places)
        place.reason += "; no deletion reaches it until perdure backup sync, once it is back";
    return places;
}

}  // namespace perdure::service
