/*  Problem: free what no snapshot needs, beside writers and other collectors that hold no lock,
   whose clocks differ, that sleep for days, and over listings that may be stale; and never lose a
   blob.

    1. A pack is condemned before it is deleted, in the chain collect/<n>, whose next step exactly
       one collector takes (kopia #1087). Once condemned, a pack never counts as a copy again.
    2. When collect/<n> is put, everything live has a copy outside all condemned packs. What is
       needed of a sparse pack is stored anew, durably, before the pack is condemned (Duplicati
       #4129: a compaction that breaks off leaves only copies too many).
    3. A writer puts its lease, then reads what is condemned; a collector condemns, then reads
       leases. So a session either avoids a condemned pack or is known to the collector, which
       deletes nothing that was condemned after that session began until it committed or was fenced
       (duplicacy #323, pgBackRest 2.59). Packs of living sessions are no candidates at all.
    4. Silence for 24 hours does not end a session; the fence at snapshot/<session> does, because
       the session's own commit goes to the same name (restic #2452). One of this machine whose
       process is gone is fenced at once: it holds nothing up, and its packs stay for the day that
       its lease has left, for the backup that goes on from them.
    5. Deletion follows a mark that began after the sessions of 3 had ended, and each pack goes only
       where every live blob in it is proven to lie elsewhere on the same destination: the pack that
       keeps it is read there.
    6. Whatever is unclear stops everything before anything was deleted: an unreadable snapshot, an
       unknown handle, a missing blob, a clock that is off, a stale listing.
    7. Ages are the store's receipt times, never access times (PBS #5982).
    8. Each destination has a chain of its own: one that was away has missed steps, or took some by
       itself. Writers avoid what any of them condemned and say the lowest of the newest numbers; a
       collector puts one record above all chains on all destinations, in which whatever they did
       not condemn alike is condemned anew, and only then deletes. Leases count wherever they lie.

    Chosen: condemned lists that only grow (for 400 days), so writers who start late still learn of
    deleted packs that their cached index shows. Rejected: taking packs off the list when they turn
    out to be needed; two collectors could then each keep what the other deletes.  */
#include "repository/upkeep/collect/collect.h"

#include <fmt/core.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>

#include "repository/blob/blob_access.h"
#include "repository/own_sessions.h"
#include "repository/triple.h"
#include "repository/upkeep/collect/collection.h"
#include "repository/upkeep/collect/mark.h"
#include "repository/upkeep/collect/plan.h"
#include "repository/upkeep/collect/rewrite.h"
#include "repository/upkeep/collect/sweep.h"
#include "repository/upkeep/verify/survey.h"
#include "store/own_names.h"
#include "store/wrap/read_only.h"

namespace perdure::repository {

namespace {

constexpr std::chrono::minutes clock_disagreement_max{5};
constexpr std::chrono::hours remembered{400 * 24};
constexpr std::chrono::seconds session_poll{2};

class Collector {
public:
    Collector(Repository& repository, CollectOptions const& options, std::stop_token stop)
        : repository_(repository),
          options_(options),
          stop_(std::move(stop)),
          dry_store_(options.dry_run ? store::read_only(repository.store()) : nullptr),
          store_(options.dry_run ? *dry_store_ : repository.store()) {
        report_.dry_run = options.dry_run;
    }

    Result<CollectReport> run();

private:
    Result<void> steps();
    Result<void> check_clock();
    Result<void> look();
    Result<void> check_legs();
    Result<void> open_index();
    Result<void> mark();
    Result<void> plan();
    Result<void> rewrite();
    Result<void> move_packs();
    Result<void> condemn();
    Result<void> look_again();
    Result<void> wait_for_sessions();
    Result<void> delete_condemned();
    Result<void> tidy();
    std::vector<PackName> deletable();
    std::uint64_t blocked_from() const;
    SurveyOptions survey_options() const;
    std::set<PackName> candidates() const;
    bool is_due(CondemnedPack const& pack) const;
    void phase(std::string_view name) const {
        if (options_.progress.report) options_.progress.report(name, 0, 0);
    }

    Repository& repository_;
    CollectOptions const& options_;
    std::stop_token stop_;
    std::shared_ptr<store::ObjectStore> dry_store_;
    store::ObjectStore& store_;
    CollectReport report_;

    Timestamp now_;
    SessionId own_;
    JoinedCollection chains_;
    Survey survey_;
    std::shared_ptr<Index> index_;
    std::unique_ptr<BlobReader> blobs_;
    std::optional<Marks> marks_;
    Plan plan_;
    std::set<crypto::Digest> condemned_;
    std::vector<std::set<PackName>> told_;  ///< read before the sessions were, see sweep()
    std::vector<PackName> fresh_;           ///< condemned by this run
    std::unique_ptr<Lease> lease_;
};

/// Ages decide what may go, so the two clocks must agree about today.
Result<void> Collector::check_clock() {
    PD_TRY(now_, store_.now(stop_));
    auto const apart = now_ - repository_.outside().clock.now();
    if (apart <= clock_disagreement_max && apart >= -clock_disagreement_max) return {};
    return fail(Fault::invalid, fmt::format("the clock of {} says {}, ours {}: nothing was deleted",
                                            store_.describe(), to_rfc3339(now_),
                                            to_rfc3339(repository_.outside().clock.now())))
        .with_fix("set the clocks; more than 5 minutes apart, ages mean nothing");
}

/// A snapshot that lies on one destination alone, or was deleted elsewhere only, needs packs there
/// that nobody here knows of. Asked after the survey: a session at that destination is either seen
/// alive there, or has committed by now (tests/simulation found the other order).
Result<void> Collector::check_legs() {
    auto const legs = repository_.store().legs();
    if (legs.size() < 2) return {};
    // The legs first: what is committed meanwhile is then in the listing that follows, too.
    std::map<store::ObjectName, store::ObjectStore*> holders;
    for (store::ObjectStore* leg : legs) {
        PD_CHECK(leg->list(
            "snapshot/",
            [&](store::ObjectInfo const& info) -> Result<void> {
                if (info.size_bytes > tombstone_object_bytes && store::is_own_name(info.name))
                    holders.emplace(info.name, leg);
                return {};
            },
            stop_));
    }
    PD_CHECK(store_.list(
        "snapshot/",
        [&](store::ObjectInfo const& info) -> Result<void> {
            if (info.size_bytes > tombstone_object_bytes) holders.erase(info.name);
            return {};
        },
        stop_));
    for (auto const& [name, leg] : holders) {
        auto const now = leg->head(name, stop_);
        if (!now && now.error().fault() != Fault::not_found) return now.error();
        // Deleted everywhere between the two listings.
        if (!now || now->size_bytes <= tombstone_object_bytes) continue;
        return fail(Fault::conflict,
                    fmt::format("{} lies on {} alone; nothing was deleted", name, leg->describe()))
            .with_fix("run `perdure backup sync`");
    }
    return {};
}

SurveyOptions Collector::survey_options() const {
    return {.now = now_,
            .fence_silent = !options_.dry_run,
            .own = own_,
            .ended_here = ended_here(marks_folder(repository_.index()->cache_folder()))};
}

/// Sessions before index before snapshots: what an ended session left is then visible in the
/// latter.
Result<void> Collector::look() {
    phase("sessions");
    PD_TRY(chains_, joined_collection(store_, stop_));
    if (chains_.silent) return *chains_.silent;
    if (!chains_.unreadable.empty()) {
        return fail(Fault::corrupt,
                    chains_.unreadable + " cannot be read, so what others are deleting is unknown")
            .with_code(14)
            .with_fix("run `perdure repo repair`");
    }
    for (auto const& pack : chains_.packs) condemned_.insert(pack.name.hash);
    PD_TRY(told_, packs_condemned_by_leg(store_, stop_));
    PD_TRY(survey_, survey_sessions(store_, survey_options(), stop_));
    report_.sessions_fenced += survey_.fenced;
    report_.packs = survey_.packs.size();
    PD_CHECK(check_legs());
    return open_index();
}

Result<void> Collector::open_index() {
    phase("index");
    PD_CHECK(repository_.keyring().refresh(stop_));
    Index const& other = *repository_.index();
    PackSource const source{store_, other.source().repository, other.source().common};
    std::vector<store::ObjectName> damaged;
    PD_TRY(index_, Index::open({source, other.cache_folder(), &repository_.outside().random},
                               &damaged, stop_));
    if (!damaged.empty()) {
        return fail(Fault::corrupt,
                    fmt::format("{} is damaged; nothing was deleted", damaged.front()))
            .with_code(14)
            .with_fix("run `perdure repo repair`");
    }
    auto const marked = mark();
    bool const lost = !marked && (marked.error().fault() == Fault::not_found ||
                                  marked.error().fault() == Fault::corrupt);
    if (!marked && !lost) return marked;
    if (lost || marks_->missing > 0) {
        // Packs that came back from another destination are in no index, condemned ones neither.
        index_->avoid({});
        PD_CHECK(index_->adopt_orphans(
            options_.dry_run ? Index::Orphans::only_here : Index::Orphans::stored, stop_));
        PD_CHECK(mark());
    }
    if (marks_->missing == 0) return {};
    return fail(Fault::corrupt, fmt::format("{} blobs that snapshots need are in no pack, {} among "
                                            "them; nothing was deleted",
                                            marks_->missing, marks_->missing_example))
        .with_code(14)
        .with_fix(
            "run `perdure repo repair`, then `perdure backup --type full`; delete the "
            "snapshots that still lack something");
}

Result<void> Collector::mark() {
    index_->avoid(condemned_);
    blobs_ = make_blob_reader({.index = index_, .on_damage = {}});
    MarkPlace const place{repository_, index_, *blobs_, options_.progress};
    PD_TRY(marks_, mark_live(place, survey_.committed_unlisted, stop_));
    return {};
}

std::set<PackName> Collector::candidates() const {
    std::set<PackName> names;
    for (auto const& pack : survey_.packs) {
        auto const& session = pack.name.session;
        bool const ended = survey_.ended.contains(session) && !survey_.resumable.contains(session);
        if (ended && !condemned_.contains(pack.name.hash)) names.insert(pack.name);
    }
    return names;
}

Result<void> Collector::plan() {
    phase("plan");
    auto const names = candidates();
    plan_ = make_plan({.index = *index_,
                       .live = marks_->live,
                       .condemned = condemned_,
                       .candidates = names,
                       .live_fraction_min = options_.live_fraction_min,
                       .rewrite_bytes_max = options_.rewrite_bytes_max});
    report_.snapshots = marks_->snapshots;
    report_.blobs_live = plan_.blobs_live;
    report_.blobs_dead = plan_.blobs_dead;
    report_.bytes_live = plan_.bytes_live;
    report_.bytes_dead = plan_.bytes_dead;
    fresh_ = plan_.dead;
    return {};
}

/// Copies first, condemns after: see invariant 2.
Result<void> Collector::rewrite() {
    if (plan_.sparse.empty() && plan_.rescue.empty()) return {};
    if (options_.dry_run) {
        for (auto const& use : plan_.sparse) {
            fresh_.push_back(use.name);
            report_.bytes_rewritten += use.bytes_kept;
        }
        report_.packs_rewritten = plan_.sparse.size();
        return {};
    }
    phase("rewrite");
    PD_TRY(lease_, Lease::take({.store = store_,
                                .session = own_,
                                .clock = repository_.outside().clock,
                                .avoid = {},
                                .refresh = {},
                                .marks = marks_folder(index_->cache_folder())},
                               stop_));
    return move_packs();
}

Result<void> Collector::move_packs() {
    std::set<crypto::Digest> leaving = condemned_;
    for (PackName const& name : plan_.dead) leaving.insert(name.hash);
    for (auto const& use : plan_.sparse) leaving.insert(use.name.hash);
    index_->avoid(leaving);
    auto writer = make_blob_writer({.index = index_,
                                    .session = own_,
                                    .random = &repository_.outside().random,
                                    .parity = repository_.parity(),
                                    .stop = stop_});
    BlobMover mover({index_, *blobs_, repository_.domains(), *writer});
    auto const move = [&](PackName const& name) -> Result<bool> {
        auto const moved = mover.move(name, marks_->live, stop_);
        if (moved) return true;
        Fault const fault = moved.error().fault();
        if (fault != Fault::corrupt && fault != Fault::not_found) return moved.error();
        report_.kept_because.push_back(
            {Finding::Kind::damaged, name.text(), moved.error().message(), false});
        return false;
    };
    for (PackName const& name : plan_.rescue) PD_CHECK(move(name));
    for (auto const& use : plan_.sparse) {
        PD_TRY(bool const moved, move(use.name));
        if (!moved) continue;
        fresh_.push_back(use.name);
        ++report_.packs_rewritten;
    }
    PD_CHECK(writer->finish(stop_));
    report_.bytes_rewritten = mover.bytes_moved();
    return {};
}

Result<void> Collector::condemn() {
    report_.packs_condemned = fresh_.size();
    if ((fresh_.empty() && !chains_.differs) || options_.dry_run) return {};
    phase("condemn");
    CollectionRecord next;
    next.number = chains_.seen + 1;
    std::set<PackName> listed;
    for (auto const& pack : survey_.packs) listed.insert(pack.name);
    for (auto const& pack : chains_.packs)
        if (now_ - pack.when < remembered || listed.contains(pack.name)) next.packs.push_back(pack);
    for (PackName const& name : fresh_) next.packs.push_back({name, next.number, now_});
    std::ranges::sort(next.packs, {}, &CondemnedPack::name);
    PD_CHECK(put_collection(store_, next, stop_));
    for (PackName const& name : fresh_) condemned_.insert(name.hash);
    report_.collection = next.number;
    chains_ = {.seen = next.number, .avoided = next.number, .packs = std::move(next.packs)};
    return {};
}

bool Collector::is_due(CondemnedPack const& pack) const {
    return now_ - pack.when >= options_.grace;
}

/// Packs condemned by this number or a later one may still be used by a living session.
std::uint64_t Collector::blocked_from() const {
    std::uint64_t number = ~std::uint64_t{0};
    for (auto const& session : survey_.living) number = std::min(number, session.collection + 1);
    return number;
}

std::vector<PackName> Collector::deletable() {
    std::set<PackName> listed;
    std::map<PackName, std::uint64_t> sizes;
    for (auto const& pack : survey_.packs) sizes[pack.name] = pack.size_bytes;
    std::vector<PackName> names;
    for (auto const& pack : chains_.packs) {
        auto const size = sizes.find(pack.name);
        if (size == sizes.end()) continue;
        if (is_due(pack) && pack.since < blocked_from()) {
            names.push_back(pack.name);
        } else {
            ++report_.packs_waiting;
            report_.bytes_waiting += size->second;
        }
    }
    return names;
}

/// What was condemned just now may be in use by sessions that began before; and what they committed
/// since must be marked before anything goes.
Result<void> Collector::look_again() {
    bool const any_due = std::ranges::any_of(chains_.packs, [&](CondemnedPack const& pack) {
        return pack.since == report_.collection && is_due(pack);
    });
    if (report_.collection == 0 || !any_due || options_.dry_run) return {};
    PD_CHECK(wait_for_sessions());
    PD_TRY(now_, store_.now(stop_));
    PD_CHECK(check_legs());
    return open_index();
}

Result<void> Collector::wait_for_sessions() {
    std::mutex mutex;
    std::condition_variable_any never;
    auto const deadline = std::chrono::steady_clock::now() + options_.wait_for_sessions;
    PD_TRY(told_, packs_condemned_by_leg(store_, stop_));
    for (;;) {
        PD_TRY(survey_, survey_sessions(store_, survey_options(), stop_));
        report_.sessions_fenced += survey_.fenced;
        if (blocked_from() > report_.collection) return {};
        if (std::chrono::steady_clock::now() >= deadline) return {};
        phase("waiting for sessions");
        std::unique_lock lock(mutex);
        never.wait_for(lock, stop_, session_poll, [] { return false; });
        if (stop_.stop_requested()) return fail(Fault::cancelled, "stopped");
    }
}

Result<void> Collector::delete_condemned() {
    auto const names = deletable();
    for (auto const& session : survey_.living) report_.waits_for.push_back(to_hex(session.session));
    if (names.empty()) return {};
    phase("delete");
    index_->avoid(condemned_);
    PD_TRY(Swept swept, sweep({.store = store_,
                               .index = *index_,
                               .live = marks_->live,
                               .condemned = condemned_,
                               .packs = names,
                               .told = told_,
                               .dry_run = options_.dry_run},
                              stop_));
    report_.packs_deleted = swept.deleted.size();
    report_.bytes_freed = swept.bytes_freed;
    for (auto& finding : swept.kept_because) report_.kept_because.push_back(std::move(finding));
    if (options_.dry_run || swept.deleted.empty()) return {};
    return index_->drop_packs(swept.deleted, stop_);
}

Result<void> Collector::tidy() {
    if (options_.dry_run) return {};
    for (SessionId const& session : survey_.spent_leases)
        PD_CHECK(store_.remove(lease_name(session), stop_));
    repository_.index()->avoid(condemned_);
    if (!lease_) return {};
    // Our own session will never commit: said now, nobody has to wait a day to find out.
    PD_CHECK(fence(store_, own_, now_, stop_));
    return lease_->release(stop_);
}

Result<CollectReport> Collector::run() {
    own_ = repository_.outside().random.draw<SessionId>();
    auto const done = steps();
    if (done) return std::move(report_);
    // A rewriting that broke off will never commit either: left alone, its lease would hold up the
    // next collections for a day. Not stopped by Ctrl-C.
    if (lease_ && fence(store_, own_, now_, {})) static_cast<void>(lease_->release({}));
    return done.error();
}

Result<void> Collector::steps() {
    PD_CHECK(check_clock());
    PD_CHECK(look());
    PD_CHECK(plan());
    PD_CHECK(rewrite());
    PD_CHECK(condemn());
    PD_CHECK(look_again());
    PD_CHECK(delete_condemned());
    return tidy();
}

}  // namespace

Result<CollectReport> collect(Repository& repository, CollectOptions const& options,
                              std::stop_token stop) {
    return Collector(repository, options, std::move(stop)).run();
}

}  // namespace perdure::repository
