#pragma once

#include "repository/upkeep/collect/collection.h"
#include "repository/upkeep/verify/survey.h"
#include "tests/simulation/hostile_store.h"

namespace perdure::simulation {

/// Rules that an actor may break; each must be noticed (simulation_test.cpp).
struct BrokenCollection {
    Broken store;
    bool writer_uses_condemned = false;   ///< the writer builds on condemned packs
    bool condemned_before_lease = false;  ///< the writer reads what is condemned, then its lease
    bool commit_replaces = false;         ///< the commit overwrites a fence
    bool no_fence = false;                ///< a silent session is given up without a fence
    bool ignore_leases = false;           ///< deletion does not wait for running sessions
    bool old_marks = false;               ///< deletion trusts marks from before the survey
    bool condemn_before_copy = false;     ///< what is needed is stored anew after condemning
    bool no_listing_lag = false;          ///< listings are trusted at once, without a grace
    unsigned stale_listing = 150;         ///< per thousand
};

/// Writers that commit and remove snapshots, and collectors, over one store. Packs and snapshots
/// are toys (lists of blob numbers); leases, fences, the survey of sessions and the chain of
/// collections are the real ones.
class CollectionWorld {
public:
    CollectionWorld(std::uint64_t seed, BrokenCollection broken);
    /// Empty: all invariants held; else what broke.
    std::string run();
    std::uint64_t steps() const { return scheduler_.steps(); }

private:
    using Blobs = std::set<std::uint32_t>;
    using Packs = std::map<repository::PackName, Blobs>;

    /// What a collector knows when it decides.
    struct Run {
        repository::NewestCollection const& newest;
        repository::Survey const& survey;
        Packs const& packs;
        Blobs const& live;
        repository::SessionId own;
        Timestamp began;
    };

    void write_sessions();
    Result<void> write_session(repository::SessionId const& session);
    Result<std::set<crypto::Digest>> take_lease(repository::SessionId const& session);
    Result<void> put_lease(repository::SessionId const& session, std::uint64_t collection,
                           store::PutMode mode);
    Result<repository::PackName> put_pack(repository::SessionId const& session, Blobs const& blobs);
    Result<void> commit(repository::SessionId const& session, Blobs const& blobs);
    void remove_snapshot();

    void collect_often();
    Result<void> collect();
    Result<Packs> read_packs(store::ObjectStore& store);
    Result<Blobs> mark(std::set<repository::SessionId> const& unlisted);
    Result<repository::Survey> survey(repository::SessionId const& own);
    Result<repository::CollectionRecord> condemn(Run const& run);
    Result<void> rescue(Packs const& packs, Blobs const& live,
                        repository::CollectionRecord const& record,
                        repository::SessionId const& own);
    Result<void> sweep(repository::CollectionRecord const& record, Run const& run);
    void outwait_listings();

    void judge();
    void judge_snapshots(std::string_view when);
    void complain(std::string what) {
        if (complaint_.empty()) complaint_ = std::move(what);
    }

    Seeded random_;
    BrokenCollection broken_;
    Scheduler scheduler_;
    std::shared_ptr<HostileStore> disk_;
    Retrying store_;
    std::string complaint_;
};

}  // namespace perdure::simulation
