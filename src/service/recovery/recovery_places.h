#pragma once

#include "job/recovery/recovery.h"
#include "service/workspace.h"

namespace perdure::service {

/// What can be selected in a snapshot: sources, their record types and tables.
Result<std::vector<data::Selectable>> selectable_of(repository::Repository& repository,
                                                    repository::Snapshot const& snapshot,
                                                    std::stop_token stop);

struct RecoveryPlaces {
    std::vector<job::RecoveryPlace> places;
    std::vector<data::Problem> left_out;  ///< sources that have no place to go back to
};
/// Where each selected source goes: to where the configuration has it ("live"), below a folder, or
/// (one database) into a file. The places point into `snapshot`.
/// A command's output goes into a folder only: in place it is left out, or refused when selected.
/// Fails: not_found (no such live source; nothing at the target), invalid, unsupported.
Result<RecoveryPlaces> places_of(Workspace& workspace, repository::Snapshot const& snapshot,
                                 job::RecoveryScope const& scope, std::string const& target);

/// One restore or undo at a time. Fails: unavailable (PD-0011).
Result<system::File> lock_runs(system::Path const& recovery);

}  // namespace perdure::service
