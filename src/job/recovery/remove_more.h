#pragma once

#include "job/recovery/files.h"

namespace perdure::job {

struct RemoveRequest {
    repository::SourceSnapshot const& source;
    origin::SourceOptions const& target;
    std::function<bool(std::string_view)> const& chosen;
    FilesTold const& told;
};
/// --delete: takes every file of the live folder away that is chosen and that the snapshot lacks,
/// but for what the snapshot did not look at (unreadable or left out by its rules then, another
/// file system) and what lies where something is blocked: those are told. Folders stay.
/// Fails: conflict (PD-0015: the snapshot does not tell all that it could not read).
Result<std::vector<data::Problem>> remove_more(repository::Repository& repository,
                                               RemoveRequest const& request,
                                               origin::TreeMerge& merge, std::stop_token stop);

}  // namespace perdure::job
