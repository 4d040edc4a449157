#pragma once

#include "service/config/config.h"
#include "store/wrap/mirror.h"

namespace perdure::service {

struct ScreenRequest {
    store::MirrorStore& store;  ///< just opened; its legs are named as the destinations are
    std::vector<DestinationConfig> const& destinations;
    system::Path state_folder;  ///< what each destination held is remembered below it
    std::string fill_empty;     ///< a destination that may be filled anew
    std::stop_token stop;
};

/// Shuts out of a store what is not the repository's: a destination that holds another repository
/// (mixing two destroys both: whose keyring is newer buries the other's), and one that held this
/// repository when this machine last looked and is empty now (a disk that is not mounted is not a
/// new one: what is written below its mount point is hidden when it comes back). Which repository
/// is meant: the one that a destination held before, else that of the first in order. Where the
/// state folder cannot be used nothing is remembered. Fails: cancelled.
Result<void> screen_destinations(ScreenRequest const& request);

}  // namespace perdure::service
