#pragma once

#include <map>
#include <set>

#include "crypto/hash.h"
#include "store/object_store.h"
#include "tests/simulation/fiber.h"

namespace perdure::simulation {

/// What can go wrong, each per thousand operations.
struct Hostility {
    unsigned refused = 15;         ///< nothing happened, and the caller is told
    unsigned lost_answer = 15;     ///< it happened, and the caller is told that it did not
    unsigned delayed = 8;          ///< a put that is told to have failed happens later
    unsigned crash = 2;            ///< the process ends here
    unsigned stall = 10;           ///< the process stands still for minutes, rarely for a day
    unsigned stale_listing = 150;  ///< a listing shows the past, up to listing_lag ago
    std::chrono::seconds listing_lag{60};
    std::chrono::seconds delay_max{30 * 3600};
};

/// Rules of the protocols that a test may break, to see that the simulation notices.
struct Broken {
    bool put_if_absent = false;  ///< the store replaces
    bool tombstones = false;     ///< what is deleted by tombstone is removed
};

/// One disk of the simulated world: every operation is a point where others may come first.
class HostileStore : public store::ObjectStore {
public:
    HostileStore(Scheduler& scheduler, Seeded& random, std::string label)
        : scheduler_(scheduler), random_(random), label_(std::move(label)) {}

    Result<Bytes> read(store::ObjectName const& name, std::uint64_t offset_bytes,
                       std::uint64_t count_bytes, std::stop_token stop) override;
    Result<void> put(store::ObjectName const& name, ByteView body, store::PutMode mode,
                     std::stop_token stop) override;
    Result<store::ObjectInfo> head(store::ObjectName const& name, std::stop_token stop) override;
    Result<void> list(std::string const& prefix,
                      std::function<Result<void>(store::ObjectInfo const&)> each,
                      std::stop_token stop) override;
    Result<void> remove(store::ObjectName const& name, std::stop_token stop) override;
    store::Capabilities capabilities() const override { return {}; }
    std::string describe() const override { return label_; }
    Result<Timestamp> now(std::stop_token) override { return scheduler_.now(); }

    Hostility hostility;
    Broken broken;

    /// From now on every operation of the process fails: it is dead, and its code unwinds.
    void crash_current() { dead_.insert(scheduler_.current()); }
    bool current_is_dead() const { return dead_.contains(scheduler_.current()); }
    /// No more faults; what is delayed happens now.
    void calm();
    /// What is there now, for the judges: no process sees it so.
    std::map<store::ObjectName, Bytes> contents(std::string const& prefix) const;
    /// Every body that ever stood under a name, tombstones left out.
    std::set<crypto::Digest> const* versions(store::ObjectName const& name) const;

private:
    struct Object {
        std::shared_ptr<Bytes const> body;
        Timestamp modified;
    };
    struct Change {
        Timestamp when;
        store::ObjectName name;
        std::shared_ptr<Object const> before;  ///< null: absent
    };
    struct Delayed {
        Timestamp due;
        store::ObjectName name;
        std::shared_ptr<Bytes const> body;
        store::PutMode mode;
    };
    enum class Fate { normal, refused, lost_answer, delayed };

    Result<Fate> enter(bool changes);
    Result<void> apply(store::ObjectName const& name, std::shared_ptr<Bytes const> body,
                       store::PutMode mode);
    void set(store::ObjectName const& name, std::shared_ptr<Object const> object);
    void deliver(bool all);
    std::map<store::ObjectName, std::shared_ptr<Object const>> view(std::string const& prefix);

    Scheduler& scheduler_;
    Seeded& random_;
    std::string label_;
    std::map<store::ObjectName, std::shared_ptr<Object const>> objects_;
    std::vector<Change> history_;
    std::vector<Delayed> delayed_;
    std::set<int> dead_;
    std::map<store::ObjectName, std::set<crypto::Digest>> versions_;
};

/// Retries what was refused, with identical arguments, as the retry wrapper of the real store does.
class Retrying : public store::ObjectStore {
public:
    explicit Retrying(std::shared_ptr<HostileStore> inner) : inner_(std::move(inner)) {}
    Result<Bytes> read(store::ObjectName const& name, std::uint64_t offset_bytes,
                       std::uint64_t count_bytes, std::stop_token stop) override;
    Result<void> put(store::ObjectName const& name, ByteView body, store::PutMode mode,
                     std::stop_token stop) override;
    Result<store::ObjectInfo> head(store::ObjectName const& name, std::stop_token stop) override;
    Result<void> list(std::string const& prefix,
                      std::function<Result<void>(store::ObjectInfo const&)> each,
                      std::stop_token stop) override;
    Result<void> remove(store::ObjectName const& name, std::stop_token stop) override;
    store::Capabilities capabilities() const override { return inner_->capabilities(); }
    std::string describe() const override { return inner_->describe(); }
    Result<Timestamp> now(std::stop_token stop) override { return inner_->now(stop); }

private:
    std::shared_ptr<HostileStore> inner_;
};

}  // namespace perdure::simulation
