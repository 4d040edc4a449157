#pragma once

#include "repository/keyring/keyring.h"

namespace perdure::repository {

/// A place that is no key home any more, and what still lies or lay there of the keyring.
struct RetiredPlace {
    std::string place;
    std::uint64_t objects = 0;  ///< of the keyring: removed, or (when nothing was done) still there
    bool removed = false;       ///< nothing of the keyring is there now
    bool revivable = false;     ///< the place keeps history: old versions can come back
    std::string pending;        ///< why they are still there
};

/// The places behind a store that are no key homes and hold objects of the keyring all the same:
/// the configuration was changed, or a program that knew the old one wrote there. Needs no key.
/// Fails: as the store.
Result<std::vector<RetiredPlace>> former_key_homes(store::ObjectStore& store, std::stop_token stop);

struct RetireRequest {
    std::shared_ptr<store::ObjectStore> store;
    KeySecret const& secret;
    system::Path cache_folder;  ///< as OpenOptions::cache_folder
    Outside outside;
    /// The audit log: told before anything is removed at a place, and when nothing is left there.
    std::function<Result<void>(std::string_view what)> log;
};

/// Takes the keyring away from such places; what only they held of it (a newer epoch, additions) is
/// brought to the key homes first. Safe to repeat; a crash leaves all of it at the key homes.
/// Each place is done for itself: what stands in the way is told in `pending`.
/// Fails: unavailable (no key home is there); denied code 12; corrupt, conflict code 14 (rollback,
/// fork); cancelled.
Result<std::vector<RetiredPlace>> retire_key_homes(RetireRequest const& request,
                                                   std::stop_token stop);

}  // namespace perdure::repository
