#include "repository/lease.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <optional>

#include "base/codec.h"
#include "base/time_codec.h"
#include "repository/preamble.h"
#include "repository/triple.h"
#include "repository/upkeep/collect/collection.h"

namespace perdure::repository {

namespace {

constexpr std::string_view magic = "PDLE";
constexpr std::string_view folder = "lease/", snapshot_folder = "snapshot/",
                           fence_folder = "fence/";
constexpr std::uint64_t record_bytes_max = 4096;

std::string session_of(store::ObjectName const& name) {
    return name.substr(name.find('/') + 1);
}

}  // namespace

Result<SessionId> session_from_hex(std::string_view hex) {
    PD_TRY(Bytes const bytes, from_hex(hex));
    return SessionId::from(bytes);
}

store::ObjectName lease_name(SessionId const& session) {
    return std::string(folder) + to_hex(session);
}
store::ObjectName snapshot_name(SessionId const& session) {
    return std::string(snapshot_folder) + to_hex(session);
}
store::ObjectName fence_name(SessionId const& session) {
    return std::string(fence_folder) + to_hex(session);
}
store::ObjectName snapshot_beside(store::ObjectName const& name) {
    return std::string(snapshot_folder) + session_of(name);
}
store::ObjectName fence_beside(store::ObjectName const& name) {
    return std::string(fence_folder) + session_of(name);
}

Bytes LeaseRecord::encode() const {
    Encoder out;
    Preamble{}.encode(out, magic);
    out.raw(session.view());
    encode_time(out, started);
    out.u64(renewals);
    out.u64(collection);
    out.u64(epoch);
    return out.take();
}

Result<LeaseRecord> LeaseRecord::decode(ByteView bytes) {
    Decoder in(bytes);
    PD_TRY(Preamble const preamble, Preamble::decode(in, magic));
    (void)preamble;
    LeaseRecord record;
    PD_TRY(record.session, in.id<SessionId>());
    PD_TRY(record.started, decode_time(in));
    PD_TRY(record.renewals, in.u64());
    PD_TRY(record.collection, in.u64());
    PD_TRY(record.epoch, in.u64());
    PD_CHECK(in.expect_end());
    return record;
}

Lease::Lease(LeaseOptions options) : options_(std::move(options)) {
    record_.session = options_.session;
    record_.started = options_.clock.now();
}

Lease::~Lease() {
    renewer_.request_stop();
    never_.notify_all();
}

Result<void> Lease::put(store::PutMode mode, std::stop_token stop) {
    return put_triple(options_.store, lease_name(options_.session), record_.encode(), mode,
                      std::move(stop));
}

Result<std::unique_ptr<Lease>> Lease::take(LeaseOptions options, std::stop_token stop) {
    std::unique_ptr<Lease> lease(new Lease(std::move(options)));
    lease->mark_ = SessionMark::hold(lease->options_.marks, lease->options_.session);
    PD_CHECK(lease->put(store::PutMode::if_absent, stop));
    // From here on a collector that condemns more will see this lease and wait for its end, and an
    // erasure waits until it knows the epoch. Reading the epoch first would miss an erasure
    // between.
    if (lease->options_.refresh) {
        PD_TRY(lease->record_.epoch, lease->options_.refresh(stop));
        PD_CHECK(lease->put(store::PutMode::replace, stop));
    }
    PD_TRY(auto const chains, joined_collection(lease->options_.store, stop));
    std::set<crypto::Digest> condemned;
    for (auto const& pack : chains.packs) condemned.insert(pack.name.hash);
    if (lease->options_.avoid && !condemned.empty()) lease->options_.avoid(std::move(condemned));
    if (chains.avoided > 0) {
        lease->record_.collection = chains.avoided;
        PD_CHECK(lease->put(store::PutMode::replace, stop));
    }
    lease->renewer_ = std::jthread(
        [raw = lease.get()](std::stop_token end) { raw->keep_renewing(std::move(end)); });
    return lease;
}

Result<void> Lease::renew(std::stop_token stop) {
    std::uint64_t epoch = 0;
    if (options_.refresh) {
        PD_TRY(epoch, options_.refresh(stop));
    }
    PD_TRY(SessionState const state, session_state(options_.store, options_.session, stop));
    if (state == SessionState::gone) {
        return fail(Fault::conflict,
                    "this session was given up by a collector: it was silent for "
                    "too long")
            .with_fix("run the backup again; it finds most of its data stored already");
    }
    std::lock_guard const lock(mutex_);
    mark_.renew();
    ++record_.renewals;
    record_.epoch = std::max(record_.epoch, epoch);
    return put(store::PutMode::replace, std::move(stop));
}

/// A renewal that fails is tried again at the next turn: what counts is the commit, not the lease.
void Lease::keep_renewing(std::stop_token stop) {
    std::mutex waiting;
    std::unique_lock lock(waiting);
    for (;;) {
        never_.wait_for(lock, stop, options_.interval, [] { return false; });
        if (stop.stop_requested()) return;
        (void)renew(stop);
    }
}

Result<void> Lease::release(std::stop_token stop) {
    if (renewer_.joinable()) {
        renewer_.request_stop();
        renewer_.join();
    }
    PD_CHECK(options_.store.remove(lease_name(options_.session), std::move(stop)));
    mark_.end();
    return {};
}

namespace {

Result<void> read_leases_at(store::ObjectStore& leg, std::map<SessionId, LeaseRecord>& leases,
                            std::stop_token const& stop) {
    std::vector<store::ObjectInfo> infos;
    PD_CHECK(leg.list(
        std::string(folder),
        [&](store::ObjectInfo const& info) -> Result<void> {
            infos.push_back(info);
            return {};
        },
        stop));
    for (auto const& info : infos) {
        auto const session = session_from_hex(std::string_view(info.name).substr(folder.size()));
        if (!session) continue;
        LeaseRecord lease;
        auto const stored = get_triple(leg, info.name, record_bytes_max, stop);
        if (!stored) {
            Fault const fault = stored.error().fault();
            if (fault == Fault::not_found) continue;  // released meanwhile
            if (fault != Fault::corrupt && fault != Fault::exhausted) return stored.error();
        } else if (auto decoded = LeaseRecord::decode(stored->body);
                   decoded && decoded->session == *session) {
            lease = *decoded;
        }
        lease.session = *session;
        lease.renewed = info.modified;
        auto const [known, fresh] = leases.try_emplace(*session, lease);
        if (fresh) continue;
        // A destination that fell out of the session keeps an old copy.
        auto& [id, so_far] = *known;
        so_far.renewals = std::max(so_far.renewals, lease.renewals);
        so_far.epoch = std::max(so_far.epoch, lease.epoch);
        so_far.renewed = std::max(so_far.renewed, lease.renewed);
        so_far.collection = std::min(so_far.collection, lease.collection);
    }
    return {};
}

}  // namespace

Result<std::vector<LeaseRecord>> read_leases(store::ObjectStore& store, std::stop_token stop) {
    std::map<SessionId, LeaseRecord> leases;
    std::optional<Error> silent;
    bool answered = false;
    for (store::ObjectStore* leg : store.legs()) {
        auto const read = read_leases_at(*leg, leases, stop);
        answered = answered || read.has_value();
        if (read) continue;
        if (read.error().fault() != Fault::unavailable) return read.error();
        silent = read.error();
    }
    if (!answered && silent) return *silent;
    std::vector<LeaseRecord> all;
    for (auto const& [session, lease] : leases) all.push_back(lease);
    return all;
}

Result<void> announce_deletion(store::ObjectStore& store, SessionId const& session, Timestamp now,
                               std::stop_token stop) {
    LeaseRecord record{.session = session, .started = now, .renewed = {}};
    record.collection = record.epoch = ~std::uint64_t{0};
    return put_triple(store, lease_name(session), record.encode(), store::PutMode::replace,
                      std::move(stop));
}

Result<bool> is_being_deleted(store::ObjectStore& store, SessionId const& session,
                              std::stop_token stop) {
    for (store::ObjectStore* leg : store.legs()) {
        auto const stored = get_triple(*leg, lease_name(session), record_bytes_max, stop);
        if (!stored && stored.error().fault() == Fault::not_found) continue;
        PD_CHECK(stored);
        auto const record = LeaseRecord::decode(stored->body);
        if (!record || !record->tells_of_deletion()) continue;
        auto const info = leg->head(lease_name(session), stop);
        if (!info && info.error().fault() == Fault::not_found) continue;  // withdrawn
        PD_CHECK(info);
        PD_TRY(Timestamp const now, leg->now(stop));
        if (now - info->modified <= deletion_time) return true;
    }
    return false;
}

Result<SessionState> session_state(store::ObjectStore& store, SessionId const& session,
                                   std::stop_token stop) {
    auto const name = snapshot_name(session);
    auto const info = store.head(name, stop);
    if (!info) {
        if (info.error().fault() == Fault::not_found) return SessionState::absent;
        return info.error();
    }
    if (info->size_bytes > tombstone_object_bytes) return SessionState::committed;
    PD_TRY(Bytes const stored, store::read_all(store, name, tombstone_object_bytes, stop));
    // What cannot be read as a tombstone must count as a snapshot: erring there loses nothing.
    return is_tombstone(stored) ? SessionState::gone : SessionState::committed;
}

Result<SessionState> fence(store::ObjectStore& store, SessionId const& session, Timestamp now,
                           std::stop_token stop) {
    auto const mark = put_triple(store, fence_name(session), tombstone_body(now),
                                 store::PutMode::if_absent, stop);
    if (!mark && mark.error().fault() != Fault::conflict) return mark.error();
    auto const done = put_triple(store, snapshot_name(session), tombstone_body(now),
                                 store::PutMode::if_absent, stop);
    if (done) return SessionState::gone;
    if (done.error().fault() != Fault::conflict) return done.error();
    PD_TRY(SessionState const state, session_state(store, session, stop));
    if (state == SessionState::absent)
        return fail(Fault::unavailable, fmt::format("the store says that snapshot/{} both exists "
                                                    "and does not",
                                                    to_hex(session)));
    if (state == SessionState::committed) PD_CHECK(store.remove(fence_name(session), stop));
    return state;
}

Result<bool> sessions_know_epoch(store::ObjectStore& store, std::uint64_t epoch, Timestamp now,
                                 std::stop_token stop) {
    PD_TRY(auto const leases, read_leases(store, stop));
    bool all = true;
    for (auto const& lease : leases) {
        if (lease.epoch >= epoch) continue;
        PD_TRY(SessionState state, session_state(store, lease.session, stop));
        if (state == SessionState::absent && now - lease.renewed > lease_lifetime) {
            PD_TRY(state, fence(store, lease.session, now, stop));
        }
        all = all && state != SessionState::absent;
    }
    return all;
}

}  // namespace perdure::repository
