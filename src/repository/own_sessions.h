#pragma once

#include <set>
#include <stop_token>

#include "repository/domain.h"
#include "store/object_store.h"
#include "system/file.h"

namespace perdure::repository {

/// A session of this machine marks its life in the local cache folder: a file on which its process
/// holds an flock. The kernel lets go of it when the process ends, however it ends, and not when it
/// sleeps; so what was killed is known to be gone without waiting for its lease to lapse.
/// That decides only whether somebody has to wait: what ends a session is the fence.
class SessionMark {
public:
    SessionMark() = default;
    /// Marks nothing where the folder cannot be written or locked (or is empty): then the lease
    /// alone tells, as it does of other machines.
    static SessionMark hold(system::Path const& folder, SessionId const& session);
    /// Says that it still lives: a mark that was not renewed for two days is out of date.
    void renew();
    /// The session ended in order: nobody has to find out.
    void end();

private:
    system::Path path_;
    system::File file_;
};

/// Where the sessions of a repository are marked, in its part of the cache folder; empty without.
system::Path marks_folder(system::Path const& cache_of_repository);
system::Path marks_folder(system::Path const& cache_folder, RepositoryId const& repository);

/// Sessions of this machine that did not end in order, and whose process is gone.
std::set<SessionId> ended_here(system::Path const& marks);

/// Fences a session that is known to have ended, at every destination, unless it committed at one
/// of them. False: it did, or one that is away may say so. Its lease stays. Fails: as the stores.
Result<bool> fence_ended(store::ObjectStore& store, SessionId const& session, std::stop_token stop);

/// Whether a session can commit nowhere any more: a tombstone lies in the place of its snapshot at
/// every destination. Fails: as the stores.
Result<bool> is_given_up(store::ObjectStore& store, SessionId const& session, std::stop_token stop);

/// Of those that left a lease: fences who committed nowhere, and takes the leases of the others
/// away, at every destination. Waits as before where one of them is away or does not answer: it may
/// hold a commit. Whether there were any that had not been given up before. Fails: as read_leases;
/// cancelled.
Result<bool> give_up_ended(store::ObjectStore& store, std::set<SessionId> const& ended,
                           std::stop_token stop);

/// As sessions_know_epoch at `place`, one of the destinations of `store` or all; where somebody has
/// to be waited for, those of this machine that are gone (by `marks`) are given up first.
Result<bool> living_know_epoch(store::ObjectStore& store, store::ObjectStore& place,
                               std::uint64_t epoch, system::Path const& marks,
                               std::stop_token stop);

}  // namespace perdure::repository
