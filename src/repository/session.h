#pragma once

#include "repository/blob/blob_access.h"
#include "repository/keyring/keyring.h"
#include "repository/lease.h"
#include "repository/repository.h"

namespace perdure::repository {

/// What a session borrows from the repository that began it, which outlives it.
struct SessionPlace {
    Repository& repository;
    Keyring& keyring;
    std::shared_ptr<Index> index;
    Outside outside;
    OpenOptions const& options;
    bool parity = true;
};

/// Takes a lease and makes a writer of blobs for a new session.
/// Fails: as Lease::take.
Result<std::unique_ptr<BackupSession>> begin_session(SessionPlace place, std::stop_token stop);

}  // namespace perdure::repository
