#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <thread>
#include <vector>

#include "repository/domain.h"
#include "repository/own_sessions.h"
#include "store/object_store.h"
#include "system/clock.h"

namespace perdure::repository {

inline constexpr std::chrono::minutes lease_renewal_interval{10};
/// A session whose lease was not renewed for so long, by the store's clock, may be fenced.
inline constexpr std::chrono::hours lease_lifetime{24};

/// What `lease/<session>` says. docs/FORMAT.md §lease.
struct LeaseRecord {
    SessionId session;
    Timestamp started;  ///< the session's own clock; for people
    std::uint64_t renewals = 0;
    std::uint64_t collection = 0;  ///< newest collect/<n> that this session avoids
    std::uint64_t epoch = 0;       ///< newest keyring epoch that this session knows
    Timestamp renewed;             ///< filled on reading: when the store received it
    /// Of a session that committed, put by who deletes its snapshot: see announce_deletion().
    bool tells_of_deletion() const { return collection == ~std::uint64_t{0}; }
    Bytes encode() const;
    /// Fails: corrupt; unsupported.
    static Result<LeaseRecord> decode(ByteView bytes);
};

store::ObjectName lease_name(SessionId const& session);
store::ObjectName snapshot_name(SessionId const& session);
store::ObjectName fence_name(SessionId const& session);
/// Of another object of the same session, by its name: all of them are called <folder>/<session>.
store::ObjectName snapshot_beside(store::ObjectName const& name);
store::ObjectName fence_beside(store::ObjectName const& name);

struct LeaseOptions {
    store::ObjectStore& store;
    SessionId session;
    system::Clock const& clock;
    /// Called once, before take returns, with every pack that any collection ever condemned
    /// (deleted ones included, for a year): the session must not build on them. Index::avoid fits.
    std::function<void(std::set<crypto::Digest>)> avoid;
    /// Called before each renewal; answers the keyring epoch now known (Keyring::refresh, epoch).
    /// Null: epoch 0 is told. Runs on the renewal thread too.
    std::function<Result<std::uint64_t>(std::stop_token)> refresh;
    std::chrono::milliseconds interval = lease_renewal_interval;
    system::Path marks{};  ///< where this machine marks its sessions (own_sessions.h); may be empty
};

/// Tells collectors that a session is writing: while it lives, its packs are not collected, and
/// what was condemned after it began stays until it has ended. Renewed by a thread of its own.
///
/// A lease never protects a commit: only put-if-absent of snapshot/<session> does. A session that
/// slept past the lifetime may find itself fenced, and its commit then fails with conflict
/// (restic #2452: a "stale" lock was removed under a living process, and data was lost).
/// Threads: one owner.
class Lease {
public:
    /// PUTs the lease, then lists what is condemned, then acknowledges it, in this order: a
    /// collector condemns first and lists leases then, so one of the two sees the other. Fails:
    /// conflict (the session id is taken); as the store.
    static Result<std::unique_ptr<Lease>> take(LeaseOptions options, std::stop_token stop);
    /// Stops renewing and leaves the object behind: release() was not reached, so the session may
    /// be taken for living until the lifetime has passed.
    ~Lease();
    Lease(Lease const&) = delete;
    Lease& operator=(Lease const&) = delete;

    SessionId const& session() const { return options_.session; }
    std::uint64_t collection() const { return record_.collection; }
    /// Renews now. Call before a commit. Fails: conflict, when the session was fenced meanwhile.
    Result<void> renew(std::stop_token stop);
    /// After commit or abandon: removes the object.
    Result<void> release(std::stop_token stop);

private:
    explicit Lease(LeaseOptions options);
    Result<void> put(store::PutMode mode, std::stop_token stop);
    void keep_renewing(std::stop_token stop);

    LeaseOptions options_;
    SessionMark mark_;
    std::mutex mutex_;
    LeaseRecord record_;
    std::condition_variable_any never_;
    std::jthread renewer_;
};

/// The session that an id in hexadecimal names, as names of objects have it. Fails: invalid.
Result<SessionId> session_from_hex(std::string_view hex);

/// The leases at all destinations of a store: a session may be at work at one of them alone. One
/// that cannot be read counts as living and unacknowledged; a destination that does not answer is
/// passed over while another one does.
Result<std::vector<LeaseRecord>> read_leases(store::ObjectStore& store, std::stop_token stop);

enum class SessionState {
    absent,  ///< nothing at snapshot/<session>: running, or died
    committed,
    gone,  ///< a tombstone: deleted or fenced
};
/// How long a deletion may take between its announcement and its tombstone.
inline constexpr std::chrono::minutes deletion_time{10};
/// Who deletes a snapshot says so in the place of its session's lease, and looks for a pin then;
/// who pins puts the pin, and looks whether somebody said so then: one of the two sees the other.
/// Nobody waits for such a lease, and a collector takes it away after a day.
Result<void> announce_deletion(store::ObjectStore& store, SessionId const& session, Timestamp now,
                               std::stop_token stop);
/// That it was announced, by the store's clock not longer ago than it may take, at any destination.
Result<bool> is_being_deleted(store::ObjectStore& store, SessionId const& session,
                              std::stop_token stop);

/// Asks by name, since listings may be stale.
Result<SessionState> session_state(store::ObjectStore& store, SessionId const& session,
                                   std::stop_token stop);

/// Gives up on a session: puts `fence/<session>`, then a tombstone at snapshot/<session> if absent.
/// One of the two sides wins, so clocks decide when, never whether.
/// Returns committed when the session was first (it was not fenced), else gone.
Result<SessionState> fence(store::ObjectStore& store, SessionId const& session, Timestamp now,
                           std::stop_token stop);

/// For ChangeOptions::sessions_settled of a keyring change: true once every living session knows
/// the epoch; sessions that outlived their lease are fenced on the way.
Result<bool> sessions_know_epoch(store::ObjectStore& store, std::uint64_t epoch, Timestamp now,
                                 std::stop_token stop);

}  // namespace perdure::repository
