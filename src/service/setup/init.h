#pragma once

#include "service/workspace.h"

namespace perdure::service {

struct InitCall {
    bool create_key = true;   ///< make the key file when it is missing
    bool new_config = false;  ///< written just now: nothing can have been backed up by it
    /// The repository's name where one that was used before is to be begun anew; the destination's
    /// where one that held the repository is to be filled anew.
    std::string confirm;
};
struct InitAnswer {
    std::string repository;
    std::vector<std::string> destinations;  ///< as the stores describe themselves
    /// A destination that holds the repository already: the new ones joined it and have its config
    /// and keyring; a sync brings the rest. Empty: it was begun anew.
    std::string joined;
    std::optional<system::Path> key_file;  ///< where one was made
};
/// Makes the configured repository at its destinations, or lets chosen ones join it where another
/// destination that answers holds it already: two repositories in one could never be synced.
/// Fails: conflict (there is one already); PD-0017, when earlier runs used one that is not there
/// now: a disk that is not mounted must not silently become an empty repository below its folder.
Result<InitAnswer> init(Workspace& workspace, InitCall const& call);

/// Writes a commented configuration. Fails: conflict (there is one).
Result<void> write_starter(system::Path const& file, system::Path const& destination);

/// 32 random bytes in a file of mode 0600 that load_key recognises. Fails: conflict (it exists).
Result<void> make_key_file(system::Path const& path, system::Random& random);

/// Adds a recovery phrase to the keyring and returns the kit's text: the phrase, and how to use it.
Result<std::string> make_recovery_kit(Workspace& workspace, system::Path const& file);

}  // namespace perdure::service
