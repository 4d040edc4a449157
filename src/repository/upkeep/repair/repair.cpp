/*  Problem: mend a damaged repository without making anything worse (borg #3444: a repair threw
   away items that were whole).

    1. Nothing is deleted. An object is replaced only by bytes that its name (a hash) or its
       checksum proves.
    2. The order goes from certain to uncertain: copies inside an object, parity, other
       destinations; then single frames, each authenticated, out of packs that are beyond repair.
    3. What was salvaged lies in new packs, durable and indexed, before it counts as mended.
    4. What cannot be read any more is forgotten by the index. Else every later backup would go on
       resting on it (deduplicated against what is gone), and none would be whole again. Nothing is
       lost by that: the pack stays where it is, and is learned anew once it was mended.
    5. What is lost is named exactly: nothing that can be read is on the list, and all that cannot
       is. So nobody speaks of losses while a destination that may hold them does not answer: what
       the others hold is mended, the rest waits for the next repair.

    Rejected: dropping lost entries from snapshots so that they look whole again.  */
#include "repository/upkeep/repair/repair.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "repository/blob/blob_access.h"
#include "repository/config_object.h"
#include "repository/keyring/keyring.h"
#include "repository/lease.h"
#include "repository/stream/content_writer.h"
#include "repository/upkeep/collect/collection.h"
#include "repository/upkeep/collect/live_set.h"
#include "repository/upkeep/repair/heal_packs.h"
#include "repository/upkeep/repair/losses.h"
#include "store/wrap/read_only.h"

namespace perdure::repository {

namespace {

class Repairer {
public:
    Repairer(Repository& repository, RepairOptions const& options, std::stop_token stop)
        : repository_(repository),
          options_(options),
          stop_(std::move(stop)),
          dry_store_(options.dry_run ? store::read_only(repository.store()) : nullptr),
          store_(options.dry_run ? *dry_store_ : repository.store()) {
        report_.dry_run = options.dry_run;
    }

    Result<RepairReport> run() {
        PD_CHECK(heal_legs());
        PD_CHECK(open_index());
        PD_CHECK(heal_all_packs());
        if (!silent_.empty()) return without_the_silent();
        PD_CHECK(open_index());  // packs that came back from another leg count from now on
        PD_CHECK(learn_mended());
        PD_CHECK(find_endangered());
        PD_CHECK(salvage());
        PD_CHECK(try_deltas());
        PD_CHECK(forget_lost());
        PD_CHECK(name_all_losses());
        return std::move(report_);
    }

private:
    struct Endangered {
        BlobId id;
        Handle handle;
        ObjectKind kind = ObjectKind::data_pack;
    };
    Result<void> heal_legs();
    Result<void> heal_leg(store::ObjectStore& leg, std::uint64_t collection);
    std::vector<store::ObjectStore*> speaking() const;
    Result<void> pass_over(store::ObjectStore& leg, Error const& error);
    Result<void> ask_all();
    RepairReport without_the_silent();
    Result<void> open_index();
    Result<void> heal_all_packs();
    Result<void> learn_mended();
    Result<void> find_endangered();
    Result<void> look_through(Snapshot const& snapshot);
    void judge(BlobId const& id, Handle const& handle);
    Result<void> salvage();
    Result<void> salvage_all(BlobWriter* writer);
    Result<void> end_session(Lease& lease);
    Result<bool> salvage_one(Endangered const& blob, BlobWriter* writer);
    Result<void> try_deltas();
    Result<void> forget_lost();
    Result<void> name_all_losses();

    Repository& repository_;
    RepairOptions const& options_;
    std::stop_token stop_;
    std::shared_ptr<store::ObjectStore> dry_store_;
    store::ObjectStore& store_;
    RepairReport report_;
    std::shared_ptr<Index> index_;
    std::unique_ptr<BlobReader> blobs_;
    std::set<PackName> beyond_;  ///< packs that could not be mended on every leg
    std::set<crypto::Digest> beyond_hashes_;
    std::set<std::string> returning_;  ///< what a dry run would mend; the index lists it not yet
    std::vector<Snapshot> snapshots_;
    bool broken_ = false;  ///< the walk of some rows broke off, or their keys are lost
    std::vector<store::ObjectName> lost_segments_;  ///< parts of the index nobody holds whole
    std::set<store::ObjectStore const*> silent_;
    bool adopted_ = false;  ///< packs that no part of the index named are in it now
    LiveSet seen_;
    std::vector<Endangered> endangered_;
    std::vector<Endangered> deltas_;        ///< whole, but only as changes to other blobs
    std::set<Index::FrameName> untold_;     ///< nobody has the key that would tell
    std::set<Index::FrameName> forgotten_;  ///< changes to blobs that are lost
    std::set<BlobPrefix> lost_;
};

std::vector<store::ObjectStore*> Repairer::speaking() const {
    auto legs = store_.legs();
    std::erase_if(legs, [&](store::ObjectStore* leg) { return silent_.contains(leg); });
    return legs;
}

/// One that fell silent is named and asked no more.
Result<void> Repairer::pass_over(store::ObjectStore& leg, Error const& error) {
    bool const fell_silent = error.fault() == Fault::unavailable && !answers(leg, stop_);
    if (!fell_silent) return error;
    silent_.insert(&leg);
    if (speaking().empty()) return error;
    report_.unread.push_back({leg.describe(), "it stopped answering: " + error.message()});
    return {};
}

/// Where only copies for others were to be read, nobody has noticed it yet.
Result<void> Repairer::ask_all() {
    for (store::ObjectStore* leg : speaking()) {
        if (answers(*leg, stop_)) continue;
        PD_CHECK(pass_over(*leg, fail(Fault::unavailable, "its config cannot be read")));
    }
    return {};
}

RepairReport Repairer::without_the_silent() {
    auto const leave = [&](std::string object) {
        report_.left.push_back({Finding::Kind::damaged, std::move(object),
                                "not mended: a destination that may hold it does not answer",
                                true});
    };
    for (auto const& name : lost_segments_) leave(name);
    for (PackName const& name : beyond_) leave(name.text());
    return std::move(report_);
}

Result<void> Repairer::heal_leg(store::ObjectStore& leg, std::uint64_t collection) {
    auto const legs = speaking();
    HealRequest const request{.leg = leg,
                              .legs = legs,
                              .dry_run = options_.dry_run,
                              .epoch = repository_.keyring().epoch(),
                              .collection = collection};
    PD_CHECK(heal_triples(request, report_, stop_));
    PD_CHECK(
        heal_pins(request, {repository_.id(), repository_.domains().common()}, report_, stop_));
    return heal_index(request, report_, lost_segments_, stop_);
}

Result<void> Repairer::heal_legs() {
    PD_TRY(auto const newest, newest_collection(store_, stop_));
    for (store::ObjectStore* leg : store_.legs()) {
        auto const healed = heal_leg(*leg, newest.record.number);
        if (!healed) PD_CHECK(pass_over(*leg, healed.error()));
    }
    return ask_all();
}

Result<void> Repairer::open_index() {
    Index const& other = *repository_.index();
    PackSource const source{store_, other.source().repository, other.source().common};
    std::vector<store::ObjectName> damaged;
    PD_TRY(index_, Index::open({source, other.cache_folder(), &repository_.outside().random},
                               &damaged, stop_));
    auto const known = index_->entry_count();
    bool const named = !damaged.empty() || !lost_segments_.empty();
    // The cache may still hold what the store has lost: that it opens here proves nothing there.
    if (named && !options_.dry_run && silent_.empty()) {
        std::vector<store::ObjectName> unread;  // these packs are dealt with one by one
        PD_CHECK(index_->rebuild(&unread, stop_));
    } else {
        bool const changes_nothing = options_.dry_run || !silent_.empty();
        PD_CHECK(index_->adopt_orphans(
            changes_nothing ? Index::Orphans::only_here : Index::Orphans::stored, stop_));
    }
    if (silent_.empty()) {
        adopted_ = adopted_ || !lost_segments_.empty();
        for (auto const& name : std::exchange(lost_segments_, {}))
            report_.mended.push_back({name, "the directories of the packs"});
    }
    if (index_->entry_count() > known && !named && silent_.empty() &&
        !std::exchange(adopted_, true))
        report_.mended.push_back({"index", "the directories of the packs"});
    blobs_ = make_blob_reader({.index = index_, .look_further = options_.dry_run, .on_damage = {}});
    return {};
}

Result<void> Repairer::heal_all_packs() {
    for (store::ObjectStore* leg : speaking()) {
        auto const legs = speaking();
        PackHealRequest const request{{*leg, legs, options_.dry_run},
                                      *index_,
                                      repository_.parity(),
                                      options_.threads,
                                      options_.progress};
        auto const healed = heal_packs(request, report_, beyond_, stop_);
        if (!healed) PD_CHECK(pass_over(*leg, healed.error()));
    }
    PD_CHECK(ask_all());
    for (PackName const& name : beyond_) beyond_hashes_.insert(name.hash);
    if (options_.dry_run)
        for (auto const& mended : report_.mended) returning_.insert(mended.object);
    return {};
}

/// What the index had forgotten of a pack that was beyond repair, and is whole now.
Result<void> Repairer::learn_mended() {
    auto packs = index_->forgetful_packs();
    std::erase_if(packs, [&](crypto::Digest const& pack) { return beyond_hashes_.contains(pack); });
    if (packs.empty() || options_.dry_run) return {};
    PD_CHECK(index_->drop_packs(packs, stop_));
    return index_->adopt_orphans(Index::Orphans::stored, stop_);
}

/// Walks all snapshots for blobs whose every copy lies in a pack beyond repair, or nowhere.
Result<void> Repairer::find_endangered() {
    PD_CHECK(repository_.keyring().refresh(stop_));
    std::vector<data::Problem> damaged;
    PD_TRY(snapshots_, repository_.snapshots(&damaged, stop_));
    for (auto const& problem : damaged) {
        bool const told = std::ranges::any_of(
            report_.left, [&](Finding const& one) { return one.object == problem.path; });
        if (!told)
            report_.left.push_back({Finding::Kind::damaged, problem.path, problem.reason, false});
    }
    seen_ = LiveSet(index_->entry_count());
    for (Snapshot const& snapshot : snapshots_) PD_CHECK(look_through(snapshot));
    return {};
}

Result<void> Repairer::look_through(Snapshot const& snapshot) {
    ReadContext context{.blobs = *blobs_, .domains = repository_.domains()};
    Handle const common = repository_.domains().common()->handle();
    for (SourceSnapshot const& source : snapshot.sources) {
        if (!source.rows) {
            ReadableVisitor visitor;
            visitor.blob = [&](BlobId const& id) { judge(id, common); };
            visitor.gap = [&](std::string const&, std::string const&) { broken_ = true; };
            PD_CHECK(walk_readable(source, context, visitor, stop_));
            continue;
        }
        Snapshot one = snapshot;
        one.sources = {source};
        auto const walked = walk_blobs(
            one,
            [&](BlobId const& id, Handle const& handle) -> Result<void> {
                judge(id, handle);
                return {};
            },
            context, stop_);
        if (walked) continue;
        Fault const fault = walked.error().fault();
        if (fault == Fault::cancelled || fault == Fault::unavailable) return walked.error();
        broken_ = true;
    }
    return {};
}

void Repairer::judge(BlobId const& id, Handle const& handle) {
    if (!seen_.insert(prefix_of(id))) return;
    Keyring const& keyring = repository_.keyring();
    auto const state =
        handle == keyring.common()->handle() ? HandleState::live : keyring.state(handle);
    // Whole, and yet nobody opens it any more: whose it is has to be named.
    if (state == HandleState::unknown) broken_ = true;
    auto const copies = index_->find(id);
    auto const lies_whole = [&](Location const& at) {
        return !beyond_hashes_.contains(at.pack.hash);
    };
    auto const is_safe = [&](Location const& at) { return lies_whole(at) && !at.is_delta(); };
    auto const returns = [&](Location const& at) { return returning_.contains(at.pack.text()); };
    if (std::ranges::any_of(copies, is_safe) || state == HandleState::erased) return;
    if (std::ranges::any_of(index_->find_unlisted(id), returns)) return;
    if (copies.empty()) {
        lost_.insert(prefix_of(id));
    } else if (std::ranges::any_of(copies, lies_whole)) {
        deltas_.push_back({id, handle, copies.front().pack.kind});
    } else {
        endangered_.push_back({id, handle, copies.front().pack.kind});
    }
}

/// True when the blob could be read (and, with a writer, was stored anew).
Result<bool> Repairer::salvage_one(Endangered const& blob, BlobWriter* writer) {
    auto const domain = repository_.domains().find(blob.handle);
    if (!domain) {
        for (Location const& at : index_->find(blob.id)) untold_.insert({at.pack.hash, at.slot});
    }
    auto const view =
        domain ? blobs_->read(blob.id, *domain, stop_) : Result<BlobView>(domain.error());
    if (!view) {
        Fault const fault = view.error().fault();
        if (fault == Fault::cancelled || fault == Fault::unavailable) return view.error();
        return false;
    }
    if (writer == nullptr) return true;
    BlobWriter::Put put;
    put.blob_class = content_class(view->length);
    if (blob.kind == ObjectKind::meta_pack) put.blob_class = BlobClass::meta;
    PD_TRY(BlobId const id, writer->put(*domain, view->view(), put));
    PD_ASSERT(id == blob.id);
    return true;
}

Result<void> Repairer::salvage_all(BlobWriter* writer) {
    std::uint64_t saved = 0;
    for (Endangered const& blob : endangered_) {
        PD_TRY(bool const readable, salvage_one(blob, writer));
        saved += readable ? 1 : 0;
        if (!readable) lost_.insert(prefix_of(blob.id));
    }
    if (writer) PD_CHECK(writer->finish(stop_));
    if (saved > 0)
        report_.mended.push_back(
            {fmt::format("{} blobs of packs beyond repair", saved), "salvage"});
    return {};
}

/// This session never commits: said at once, also when it broke off, nobody has to wait a day to
/// find out. Not stopped by Ctrl-C.
Result<void> Repairer::end_session(Lease& lease) {
    PD_TRY(Timestamp const now, store_.now({}));
    PD_CHECK(fence(store_, lease.session(), now, {}));
    return lease.release({});
}

Result<void> Repairer::salvage() {
    if (endangered_.empty()) return {};
    if (options_.dry_run) return salvage_all(nullptr);
    PD_TRY(auto const lease, Lease::take({.store = store_,
                                          .session = repository_.outside().random.draw<SessionId>(),
                                          .clock = repository_.outside().clock,
                                          .avoid = {},
                                          .refresh = {},
                                          .marks = marks_folder(index_->cache_folder())},
                                         stop_));
    index_->avoid(beyond_hashes_);
    auto writer = make_blob_writer({.index = index_,
                                    .session = lease->session(),
                                    .random = &repository_.outside().random,
                                    .parity = repository_.parity(),
                                    .stop = stop_});
    auto const salvaged = salvage_all(writer.get());
    writer.reset();
    auto const ended = end_session(*lease);
    return salvaged ? ended : salvaged;
}

/// A change to a blob that is gone is gone with it, however whole its own pack is.
Result<void> Repairer::try_deltas() {
    if (beyond_.empty() && lost_.empty()) return {};
    for (Endangered const& blob : deltas_) {
        PD_TRY(bool const readable, salvage_one(blob, nullptr));
        if (readable) continue;
        lost_.insert(prefix_of(blob.id));
        for (Location const& at : index_->find(blob.id)) {
            if (at.is_delta()) forgotten_.insert({at.pack.hash, at.slot});
        }
    }
    return {};
}

/// Of packs beyond repair all goes: what somebody needs was stored anew or is lost, and the rest
/// was not tried. Where a walk broke off, others may be in need that nobody saw: only what is lost
/// goes.
Result<void> Repairer::forget_lost() {
    if (options_.dry_run) return {};
    index_->for_each([&](PackRow const& pack, FrameRow const&, IndexEntry const& entry) {
        bool const goes =
            beyond_hashes_.contains(pack.hash) && (!broken_ || lost_.contains(entry.id));
        if (goes) forgotten_.insert({pack.hash, entry.slot});
    });
    for (auto const& frame : untold_) forgotten_.erase(frame);
    if (forgotten_.empty()) return {};
    PD_CHECK(index_->forget(forgotten_, stop_));
    blobs_ = make_blob_reader({.index = index_, .on_damage = {}});
    return {};
}

Result<void> Repairer::name_all_losses() {
    for (PackName const& name : beyond_) {
        report_.left.push_back({Finding::Kind::damaged, name.text(),
                                "beyond repair; what could be read of it was stored anew", false});
    }
    if (lost_.empty() && !broken_) return {};
    ReadContext context{.blobs = *blobs_, .domains = repository_.domains()};
    for (Snapshot const& snapshot : snapshots_)
        PD_CHECK(name_losses(snapshot, lost_, context, report_, stop_));
    return {};
}

}  // namespace

Result<RepairReport> repair(Repository& repository, RepairOptions const& options,
                            std::stop_token stop) {
    return Repairer(repository, options, std::move(stop)).run();
}

}  // namespace perdure::repository
