#pragma once

#include "data/selector.h"
#include "repository/repository.h"

namespace perdure::service {

/// Fails: not_found (PD-0002), for the first path or pattern that nothing in the snapshot fits,
/// with the nearest name.
Result<void> check_selected_paths(repository::Repository& repository,
                                  repository::Snapshot const& snapshot,
                                  std::vector<data::Selector> const& selectors,
                                  std::stop_token stop);

}  // namespace perdure::service
