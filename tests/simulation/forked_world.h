#pragma once

#include "repository/upkeep/collect/collection.h"
#include "repository/upkeep/verify/survey.h"
#include "store/wrap/mirror.h"
#include "tests/simulation/hostile_store.h"

namespace perdure::simulation {

/// Rules about several destinations that an actor may break; each must be noticed.
struct BrokenForks {
    bool one_chain = false;      ///< writers and collectors know the authority's chain alone
    bool own_leases = false;     ///< collectors see the authority's leases alone
    bool no_new_number = false;  ///< what others condemned keeps its old number when joined
    bool untold = false;  ///< packs go from a destination whose own chain does not condemn them
};

/// Writers, collectors and a sync over two destinations, each of which any of them may miss: so
/// both are written, cleaned and collected apart. Packs and snapshots are toys; the mirror, the
/// chains and their joining, leases, fences, the survey and the sync are the real ones.
class ForkedWorld {
public:
    ForkedWorld(std::uint64_t seed, BrokenForks broken);
    /// Empty: all invariants held; else what broke.
    std::string run();
    std::uint64_t steps() const { return scheduler_.steps(); }

private:
    using Blobs = std::set<std::uint32_t>;
    using Packs = std::map<repository::PackName, Blobs>;
    using Mirror = std::shared_ptr<store::MirrorStore>;
    struct Look {
        repository::Survey survey;
        Packs packs;
        Blobs live;
        std::vector<std::set<repository::PackName>> told;
    };

    Mirror open(bool all);
    Mirror reach(bool all);
    Result<repository::JoinedCollection> chains(store::ObjectStore& store);
    void write_sessions();
    Result<void> write_session(Mirror const& store);
    Result<void> put_pack(store::ObjectStore& store, repository::SessionId const& session,
                          Blobs const& blobs);
    void remove_snapshot(store::ObjectStore& store);
    void collect_often();
    Result<void> collect(Mirror const& store);
    Result<void> stop_if_apart(store::ObjectStore& store);
    Result<Look> look(store::ObjectStore& store, repository::SessionId const& own);
    Result<repository::CollectionRecord> condemn(store::ObjectStore& store, Look const& seen,
                                                 repository::SessionId const& own);
    Result<void> sweep(store::MirrorStore& store, Look const& seen,
                       repository::CollectionRecord const& record);
    void sync_often();
    Result<Packs> read_packs(store::ObjectStore& store);

    void judge();
    void judge_loss(std::string_view when);
    void judge_peace(HostileStore const& disk);
    Blobs stored_on(HostileStore const& disk) const;
    std::set<store::ObjectName> committed_on(HostileStore const& disk) const;
    void complain(std::string what) {
        if (complaint_.empty()) complaint_ = std::move(what);
    }

    Seeded random_;
    BrokenForks broken_;
    Scheduler scheduler_;
    std::shared_ptr<HostileStore> disks_[2];
    std::string complaint_;
};

}  // namespace perdure::simulation
