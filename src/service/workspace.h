#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "catalog/run_log.h"
#include "repository/repository.h"
#include "service/config/config.h"
#include "service/config/key.h"
#include "store/open_store.h"

namespace perdure::service {

struct WorkspaceOptions {
    system::Path config_file;
    /// A destination's name, or a folder that no configuration names; empty: all of the
    /// repository's. One without keys is only read, with the keyring of the key homes.
    std::string destination;
    bool read_only = false;  ///< nothing at the destinations changes, not even to tidy up
    std::string fill_empty;  ///< a destination that is empty, and may be though it held something
    AskSecret ask_secret;
    /// Called for what was passed over on the way to an answer that may be another one for it, such
    /// as a damaged snapshot that could be the latest: any makes the run partial. May be empty.
    std::function<void(data::Problem const&)> passed_over;
    std::stop_token stop;
};

/// A configuration and what it leads to: stores, the open repository, the log of runs. Everything
/// is opened when it is first asked for. Threads: one.
class Workspace {
public:
    /// Fails: as load_config; invalid (no such destination, with the nearest).
    static Result<std::unique_ptr<Workspace>> open(WorkspaceOptions options);

    Config const& config() const { return config_; }
    /// Fails: invalid (PD-0201), when the configuration has no repository.
    Result<RepositoryConfig const*> repository_config() const;
    /// The destinations in use, in order of authority.
    std::vector<DestinationConfig> const& destinations() const { return destinations_; }
    std::stop_token stop() const { return options_.stop; }
    void pass_over(data::Problem const& problem) const {
        if (options_.passed_over) options_.passed_over(problem);
    }

    /// The destinations as one store; what is first written makes the folders of `to_make`.
    /// Fails: unavailable (PD-0013, named), when none can be reached, or no key home.
    Result<std::shared_ptr<store::MirrorStore>> store(std::set<std::string> const& to_make = {});
    /// `question` replaces that of a prompt.
    Result<repository::KeySecret> key(std::string const& question = {}) const;
    /// Fails: as Repository::open, with the configuration's line named.
    Result<repository::Repository*> repository();
    /// How the destinations did so far; empty before the first use.
    std::vector<store::LegHealth> health() const;
    /// Forgets the open repository, so that the next use reads anew.
    void reset() {
        repository_.reset();
        repository_failed_.reset();
    }

    /// Null where it cannot be opened (a full or read-only disk): runs go on unrecorded.
    catalog::RunLog* runs();
    system::Path state_folder() const;
    system::Path cache_folder() const;

    /// The sources to work on: the named ones, or all, most critical first.
    /// Fails: not_found (with the nearest name), invalid (the configuration has none).
    Result<std::vector<SourceConfig>> sources(std::vector<std::string> const& names) const;

private:
    explicit Workspace(WorkspaceOptions options, Config config)
        : options_(std::move(options)), config_(std::move(config)) {}
    Result<void> choose_destinations();
    Result<void> choose_lenders(RepositoryConfig const& repository);
    store::DestinationOptions store_options(DestinationConfig const& destination,
                                            bool create) const;
    Error no_key_home(store::MirrorStore& store) const;
    Error explain_open(Error error);
    Result<void> open_repository();

    WorkspaceOptions options_;
    Config config_;
    std::vector<DestinationConfig> destinations_;
    std::vector<DestinationConfig> lenders_;  ///< key homes that only lend their keyring
    std::shared_ptr<store::MirrorStore> store_;
    std::unique_ptr<repository::Repository> repository_;
    std::optional<Error> repository_failed_;  ///< asked once: a passphrase is not asked for twice
    std::optional<catalog::RunLog> runs_;
    bool runs_tried_ = false;
};

/// Where per-user state of a configuration lies: $STATE_DIRECTORY, $XDG_STATE_HOME/perdure/<id> or
/// ~/.local/state/perdure/<id>, /var/lib/perdure/<id> where there is no home.
system::Path state_folder_of(system::Path const& config_file);

/// Destinations that were not reached, are shut out or lack something, as far as was found out.
std::vector<data::Problem> unfit_destinations(Workspace const& workspace);

/// "perdure.toml:14", for messages.
std::string spell_place(Config const& config, Place place);

}  // namespace perdure::service
