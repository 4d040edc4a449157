// 1. A mark counts once its holder wrote to it, which it does after it got the lock: whoever looks
//    in between sees an empty file and passes on.
// 2. It names the machine: where several share a cache folder over a network, a lock of another
//    machine may not be seen.
// 3. A mark that was not renewed for longer than any lease lasts tells nothing that the lease does
//    not, and goes.
// Rejected: pid, start time and boot id (a container sees the living processes of others as dead).
#include "repository/own_sessions.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>

#include "repository/lease.h"
#include "system/account.h"
#include "system/clock.h"
#include "system/folder/list_folder.h"

namespace perdure::repository {

namespace {

constexpr std::uint64_t mark_bytes_max = 1024;
constexpr auto mark_lifetime = 2 * lease_lifetime;

std::string content() {
    return system::host_name() + "\n";
}

/// The lock of a mark that nobody holds, or nothing.
system::File locked(system::Path const& path) {
    auto file = system::File::open_to_read(path);
    if (!file || ::flock(file->descriptor(), LOCK_EX | LOCK_NB) != 0) return {};
    return *std::move(file);
}

bool is_old(system::File const& mark) {
    struct stat status{};
    if (::fstat(mark.descriptor(), &status) != 0) return false;
    auto const age = system::real_clock().now().seconds - status.st_mtim.tv_sec;
    return age > std::chrono::seconds(mark_lifetime).count();
}

}  // namespace

SessionMark SessionMark::hold(system::Path const& folder, SessionId const& session) {
    SessionMark mark;
    if (folder.empty() || !system::make_folders(folder)) return mark;
    auto const path = folder / to_hex(session);
    auto file = system::File::create(path);
    if (!file) return mark;
    mark.path_ = path;
    mark.file_ = *std::move(file);
    bool const held = ::flock(mark.file_.descriptor(), LOCK_EX) == 0 &&
                      mark.file_.write_at(as_bytes(content()), 0).has_value();
    if (!held) mark.end();
    return mark;
}

void SessionMark::renew() {
    if (file_.is_open()) static_cast<void>(file_.write_at(as_bytes(content()), 0).has_value());
}

void SessionMark::end() {
    if (!path_.empty()) static_cast<void>(system::remove_file(path_).has_value());
    path_.clear();
    file_ = {};
}

system::Path marks_folder(system::Path const& cache_of_repository) {
    return cache_of_repository.empty() ? system::Path{} : cache_of_repository / "sessions";
}

system::Path marks_folder(system::Path const& cache_folder, RepositoryId const& repository) {
    return cache_folder.empty() ? system::Path{} : marks_folder(cache_folder / to_hex(repository));
}

std::set<SessionId> ended_here(system::Path const& marks) {
    std::set<SessionId> ended;
    if (marks.empty()) return ended;
    std::error_code error;
    auto const us = content();
    for (auto const& each : system::list_folder(marks, error)) {
        auto const session = session_from_hex(each.filename().native());
        if (!session) continue;
        auto const lock = locked(each);
        if (!lock.is_open()) continue;
        auto const text = system::read_file(each, mark_bytes_max);
        if (!text || as_text(*text) != us) continue;
        if (is_old(lock)) {
            static_cast<void>(system::remove_file(each).has_value());
        } else {
            ended.insert(*session);
        }
    }
    return ended;
}

namespace {

/// Killed between two destinations a session has committed at the first: a tombstone at the second
/// would contradict that.
Result<bool> committed_somewhere(store::ObjectStore& store, SessionId const& session,
                                 std::stop_token const& stop) {
    for (store::ObjectStore* leg : store.legs()) {
        PD_TRY(SessionState const state, session_state(*leg, session, stop));
        if (state == SessionState::committed) return true;
    }
    return false;
}

/// The lease of one that was fenced stays for its day: until then a collector leaves its packs to
/// the backup that goes on from them.
Result<void> give_up(store::ObjectStore& store, SessionId const& session,
                     std::stop_token const& stop) {
    PD_TRY(bool const fenced, fence_ended(store, session, stop));
    if (fenced) return {};
    // Who deletes its snapshot may have put something else there: see announce_deletion().
    PD_TRY(bool const deleted, is_being_deleted(store, session, stop));
    if (deleted) return {};
    for (store::ObjectStore* leg : store.legs()) PD_CHECK(leg->remove(lease_name(session), stop));
    return {};
}

}  // namespace

Result<bool> fence_ended(store::ObjectStore& store, SessionId const& session,
                         std::stop_token stop) {
    if (!store.absent_legs().empty()) return false;
    PD_TRY(bool const committed, committed_somewhere(store, session, stop));
    if (committed) return false;
    for (store::ObjectStore* leg : store.legs()) {
        PD_TRY(Timestamp const now, leg->now(stop));
        PD_TRY(SessionState const state, fence(*leg, session, now, stop));
        if (state == SessionState::committed) return false;
    }
    return true;
}

Result<bool> is_given_up(store::ObjectStore& store, SessionId const& session,
                         std::stop_token stop) {
    for (store::ObjectStore* leg : store.legs()) {
        PD_TRY(SessionState const state, session_state(*leg, session, stop));
        if (state != SessionState::gone) return false;
    }
    return true;
}

Result<bool> give_up_ended(store::ObjectStore& store, std::set<SessionId> const& ended,
                           std::stop_token stop) {
    bool any = false;
    if (ended.empty() || !store.absent_legs().empty()) return any;
    PD_TRY(auto const leases, read_leases(store, stop));
    for (LeaseRecord const& lease : leases) {
        if (!ended.contains(lease.session)) continue;
        auto const before = is_given_up(store, lease.session, stop);
        if (before && *before) continue;
        auto const done = give_up(store, lease.session, stop);
        if (!done && done.error().fault() == Fault::cancelled) return done.error();
        any = any || done.has_value();
    }
    return any;
}

Result<bool> living_know_epoch(store::ObjectStore& store, store::ObjectStore& place,
                               std::uint64_t epoch, system::Path const& marks,
                               std::stop_token stop) {
    PD_TRY(Timestamp const now, place.now(stop));
    PD_TRY(bool const settled, sessions_know_epoch(place, epoch, now, stop));
    if (settled) return true;
    PD_TRY(bool const any, give_up_ended(store, ended_here(marks), stop));
    return any ? sessions_know_epoch(place, epoch, now, stop) : Result<bool>(false);
}

}  // namespace perdure::repository
