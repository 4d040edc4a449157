#pragma once

#include <optional>

#include "repository/keyring/keyring.h"
#include "tests/simulation/hostile_store.h"

namespace perdure::simulation {

/// Rules that an actor may break; each must be noticed (simulation_test.cpp).
struct BrokenKeyring {
    Broken store;
    bool settle_without_sessions = false;   ///< the eraser does not wait for running sessions
    bool acknowledge_before_lease = false;  ///< the writer reads the epoch, then puts its lease
    bool commit_on_old_epoch = false;       ///< the writer does not read the epoch again
    bool commit_unflushed = false;          ///< it reads it, but stores no additions after that
    bool no_listing_lag = false;            ///< the eraser trusts listings at once
    unsigned stale_listing = 150;           ///< per thousand
};

/// A keyring on one or two homes, with writers, erasers and rotators that crash and come back, and
/// what must be true of it in the end.
class KeyringWorld {
public:
    KeyringWorld(std::uint64_t seed, BrokenKeyring broken);
    /// Runs the whole schedule. Empty: all invariants held; else what broke.
    std::string run();
    std::uint64_t steps() const { return scheduler_.steps(); }

private:
    struct Created {
        int person = 0;
        std::uint64_t epoch = 0;   ///< the epoch its maker knew
        repository::BlobId probe;  ///< what its key makes of a fixed plaintext
    };
    struct Erasure {
        int person = 0;
        std::uint64_t epoch = 0;  ///< the epoch that decided it
        std::vector<repository::Handle> handles;
    };

    repository::KeyringPlace place();
    Result<std::unique_ptr<repository::Keyring>> open();
    repository::ChangeOptions options(std::uint64_t* decided);
    void write_session();
    Result<void> try_session(repository::Keyring& keyring, repository::SessionId const& session);
    Result<void> put_lease(repository::SessionId const& session, std::uint64_t epoch,
                           store::PutMode mode);
    Result<void> commit(repository::Keyring& keyring, repository::SessionId const& session,
                        std::vector<repository::Handle> handles);
    void erase_someone();
    void rotate();
    void tend_slots();
    void settle_often();

    void judge();
    void judge_snapshots(repository::Keyring& keyring);
    void judge_erasures(repository::Keyring& keyring);
    void judge_epochs();
    /// No key of these handles can be had from anything on any home.
    void judge_absence(std::vector<repository::Handle> const& handles, std::string_view when);
    void complain(std::string what);

    Seeded random_;
    BrokenKeyring broken_;
    Scheduler scheduler_;
    repository::Outside outside_;
    std::vector<std::shared_ptr<HostileStore>> homes_;
    repository::RepositoryId repository_;
    repository::KeySecret secret_, spare_;
    std::map<repository::Handle, Created> created_;
    std::set<int> asked_;
    std::vector<Erasure> completed_;
    std::string complaint_;
};

}  // namespace perdure::simulation
