// Changing a keyring that others are reading, adding to and changing at the same moment, over
// stores that crash, lose answers and deliver late.
//
// The problem: a person's key must be gone from everywhere once we say so, and no other key may
// ever be lost, whatever step a process dies at.
//
// 1. An epoch is decided by one put-if-absent of m/<e+1> at the authority; its shards lie there
//    before. Who loses reloads and starts again from the winner's epoch.
// 2. A manifest names every shard it needs, and shards have unique random names: what an older
//    table names and the current one does not is never named again, and may go.
// 3. m/<e> goes on a home only after m/<e+1> or a later one was opened *there*, and after every
//    session acknowledged it; then the last stragglers are folded and the old inbox key is dropped.
// 4. What goes is overwritten with a tombstone: a delayed PUT of m/<e> or of an addition finds its
//    name taken. On each home the gaps below the current epoch are filled with tombstones as well.
// 5. A change is built only on the highest number in use. A damaged manifest above it forbids it.
// 6. Every step may be repeated; settle() takes up whatever the state shows to be unfinished. The
//    state needs no log: two inboxes or a list of people being erased mean "not yet final".
//
// Chosen: whole epochs by compare-and-swap on a name. Rejected: a lock object (a dead holder
// blocks, a slow one overwrites), and editing shards in place (readers see halves, histories keep
// keys).
#include <fmt/core.h>

#include <algorithm>

#include "repository/keyring/draft.h"
#include "repository/keyring/homes.h"
#include "repository/keyring/retire/retire.h"
#include "repository/keyring/state.h"
#include "repository/triple.h"
#include "store/wrap/mirror.h"

namespace perdure::repository {

namespace {

constexpr int races_max = 64;
constexpr int retries_max = 4;
constexpr std::size_t additions_to_fold = 64;

Result<void> tell(ChangeOptions const& options, ChangeStep step, std::string_view detail = {}) {
    if (!options.log) return {};
    return options.log(step, detail);
}

Result<void> put_again(store::ObjectStore& store, store::ObjectName const& name, ByteView body,
                       std::stop_token const& stop) {
    auto put = put_triple(store, name, body, store::PutMode::if_absent, stop);
    for (int i = 0; i < retries_max && !put && put.error().fault() == Fault::unavailable; ++i) {
        put = put_triple(store, name, body, store::PutMode::if_absent, stop);
    }
    return put;
}

/// True: the epoch is ours. False: somebody else has it.
/// Fails: unavailable, when nobody can tell; the next load will.
Result<bool> decide(store::ObjectStore& authority, Draft const& draft,
                    std::stop_token const& stop) {
    auto const put = put_again(authority, manifest_name(draft.epoch), draft.manifest, stop);
    if (put) return true;
    auto const fault = put.error().fault();
    if (fault != Fault::conflict && fault != Fault::unavailable) return put.error();
    // The answer to an earlier try may have been lost: our own bytes mean that we won.
    auto const there = read_manifest(authority, draft.epoch, stop);
    if (there) return there->bytes == draft.manifest;
    if (fault == Fault::conflict && there.error().fault() == Fault::corrupt) return false;
    return put.error();
}

/// Until what was there is listed, too.
Result<void> outwait_listings(ChangeOptions const& options, std::stop_token const& stop) {
    if (options.listing_lag.count() == 0) return {};
    PD_ASSERT(options.wait);
    return options.wait(options.listing_lag, stop);
}

bool is_final(Loaded const& loaded) {
    return loaded.body().inboxes.size() == 1 && loaded.body().erasing.empty();
}

/// All of a change that happens at the authority: puts the next epoch and sees it open.
class Advance {
public:
    Advance(Keyring::State& state, ChangeOptions const& options, std::stop_token stop)
        : state_(state),
          authority_(*state.place.homes.front()),
          options_(options),
          stop_(std::move(stop)) {}

    /// The draft that became an epoch.
    Result<Draft> run(EpochPlan const& plan);

private:
    /// Empty when another won the race.
    Result<std::optional<Draft>> attempt(Loaded const& base, EpochPlan const& plan);
    bool reached(Loaded const& now, Draft const& draft) const;

    Result<LoadedPtr> reload();

    Keyring::State& state_;
    store::ObjectStore& authority_;
    ChangeOptions const& options_;
    std::stop_token stop_;
};

Result<LoadedPtr> Advance::reload() {
    std::vector<SessionId> sessions;
    if (options_.known_sessions) {
        PD_TRY(sessions, options_.known_sessions(stop_));
    }
    PD_CHECK(state_.reload(std::move(sessions), stop_));
    return state_.now_loaded();
}

Result<std::optional<Draft>> Advance::attempt(Loaded const& base, EpochPlan const& plan) {
    if (base.damaged_above) {
        return fail(Fault::corrupt, "the newest manifest of the keyring is damaged")
            .with_code(14)
            .with_fix(
                "perdure repo repair; where nobody has it whole: building on an older one could "
                "undo an erasure, so move the damaged keyring/m/ file away only if nobody was "
                "erased since");
    }
    PD_TRY(Draft draft, make_draft(base, plan, state_.outside));
    PD_CHECK(tell(options_, ChangeStep::put_shards));
    for (DraftObject const& shard : draft.shards) {
        auto const put = put_again(authority_, shard.name, shard.bytes, stop_);
        if (!put && put.error().fault() != Fault::conflict) return put.error();
    }
    PD_CHECK(tell(options_, ChangeStep::put_manifest, manifest_name(draft.epoch)));
    PD_TRY(bool const won, decide(authority_, draft, stop_));
    if (won) return std::optional(std::move(draft));
    // The name is taken for ever, so these shards will never be named: no need to wait for age.
    for (DraftObject const& shard : draft.shards) {
        static_cast<void>(authority_.remove(shard.name, stop_).has_value());
    }
    return std::optional<Draft>();
}

bool Advance::reached(Loaded const& now, Draft const& draft) const {
    if (now.epoch() < draft.epoch) return false;
    return std::ranges::all_of(
        draft.erased, [&](Handle const& handle) { return now.tombstone(handle) != nullptr; });
}

Result<Draft> Advance::run(EpochPlan const& plan) {
    for (int race = 0; race < races_max; ++race) {
        PD_TRY(LoadedPtr const base, reload());
        if (state_.place.homes.size() > 1) {
            // The newest epoch may have survived on another home alone.
            PD_CHECK(bring_home_up({state_.place, state_.key, *base, authority_}, stop_));
        }
        PD_TRY(auto draft, attempt(*base, plan));
        if (!draft) continue;
        PD_CHECK(tell(options_, ChangeStep::read_back));
        PD_TRY(LoadedPtr const now, reload());
        if (reached(*now, *draft)) return *std::move(draft);
        return fail(Fault::corrupt, "the keyring's new epoch cannot be read back").with_code(14);
    }
    return fail(Fault::conflict, "the keyring changes too often under us").with_code(11);
}

/// Completes what the state shows to be unfinished, home by home.
class Settle {
public:
    Settle(Keyring::State& state, ChangeOptions const& options, std::stop_token stop)
        : state_(state), options_(options), stop_(std::move(stop)) {}
    Result<ChangeReport> run();

private:
    /// Makes the state final: folds stragglers, drops old inboxes. False: sessions still run.
    Result<bool> make_final();
    HomeReport finish(Loaded const& current, store::ObjectStore& home, bool destroy);
    /// The same for each of the independent places behind a home, by what lies there now.
    std::vector<HomeReport> look_at_legs(HomeReport const& home, store::ObjectStore& store,
                                         std::uint64_t epoch);
    Result<void> finish(HomeWork const& work, bool destroy, std::string const& name);

    Keyring::State& state_;
    ChangeOptions const& options_;
    std::stop_token stop_;
};

Result<bool> Settle::make_final() {
    auto const now = state_.now_loaded();
    if (is_final(*now)) {
        if (now->additions.size() < additions_to_fold) return true;
        PD_CHECK(Advance(state_, options_, stop_).run(EpochPlan{}));
        return true;
    }
    auto const inbox = now->body().inboxes.front().epoch;
    PD_CHECK(tell(options_, ChangeStep::wait_for_sessions));
    if (!options_.sessions_settled) return false;
    // A session that put its lease before it could see this inbox must be in the listing of leases,
    // and what it added before it acknowledged must be in the listing of additions.
    PD_CHECK(outwait_listings(options_, stop_));
    PD_TRY(bool const settled, options_.sessions_settled(inbox, stop_));
    if (!settled) return false;
    PD_CHECK(outwait_listings(options_, stop_));
    PD_CHECK(tell(options_, ChangeStep::fold_stragglers));
    EpochPlan plan;
    plan.final_inbox = inbox;
    auto const done = Advance(state_, options_, stop_).run(plan);
    if (done) return true;
    // Another process made it final, or began a change of its own, which will.
    if (done.error().fault() == Fault::conflict) return is_final(*state_.now_loaded());
    return done.error();
}

Result<void> Settle::finish(HomeWork const& work, bool destroy, std::string const& name) {
    PD_CHECK(tell(options_, ChangeStep::copy_to_homes, name));
    PD_CHECK(bring_home_up(work, stop_));
    if (!destroy) return {};
    PD_CHECK(tell(options_, ChangeStep::delete_old, name));
    PD_CHECK(delete_replaced(work, stop_));
    return tell(options_, ChangeStep::done, name);
}

HomeReport Settle::finish(Loaded const& current, store::ObjectStore& home, bool destroy) {
    HomeReport report;
    report.home = home.describe();
    report.revivable = home.capabilities().history;
    auto const finished = finish({state_.place, state_.key, current, home}, destroy, report.home);
    if (!finished) {
        report.pending = finished.error().message();
    } else if (!destroy) {
        report.pending = "running sessions have not acknowledged the new epoch";
    } else {
        report.keys_destroyed = !report.revivable;
    }
    return report;
}

std::vector<HomeReport> Settle::look_at_legs(HomeReport const& home, store::ObjectStore& store,
                                             std::uint64_t epoch) {
    auto const places = store::key_places(store);
    auto const& absent = places.absent_homes;
    if (places.homes.size() + absent.size() + places.keyless.size() < 2) return {home};
    std::vector<HomeReport> reports;
    for (store::ObjectStore* leg : places.homes) {
        HomeReport report = home;
        report.home = leg->describe();
        report.revivable = leg->capabilities().history;
        if (report.pending.empty()) {
            auto const gone = check_replaced(*leg, epoch, stop_);
            if (!gone) report.pending = gone.error().message();
            report.keys_destroyed = gone && !report.revivable;
        }
        reports.push_back(std::move(report));
    }
    for (std::string const& name : absent) {
        reports.push_back({.home = name, .pending = "it could not be reached; sync it when it is"});
    }
    // The old keys may lie where keys lay in former times.
    auto const former = former_key_homes(store, stop_);
    if (!former) reports.push_back({.home = home.home, .pending = former.error().message()});
    for (RetiredPlace const& place : former ? *former : std::vector<RetiredPlace>()) {
        reports.push_back({.home = place.place,
                           .revivable = place.revivable,
                           .pending = "it is no key home any more and still holds keys: run "
                                      "`perdure backup sync`"});
    }
    return reports;
}

Result<ChangeReport> Settle::run() {
    PD_CHECK(state_.reload({}, stop_));
    // The other homes first hold the epoch that is being settled, then wait with the authority.
    for (auto const& home : state_.place.homes) {
        if (is_final(*state_.now_loaded())) break;
        static_cast<void>(finish(*state_.now_loaded(), *home, false));
    }
    PD_TRY(bool const final, make_final());
    ChangeReport report;
    LoadedPtr const current = state_.now_loaded();
    report.epoch = current->epoch();
    report.waits_for_sessions = !final;
    report.complete = final;
    if (current->damaged_above) {
        return fail(Fault::corrupt, "the newest manifest of the keyring is damaged").with_code(14);
    }
    for (auto const& home : state_.place.homes) {
        HomeReport const whole = finish(*current, *home, final);
        for (HomeReport& place : look_at_legs(whole, *home, current->epoch())) {
            if (!place.pending.empty()) report.complete = false;
            report.homes.push_back(std::move(place));
        }
    }
    return report;
}

Result<ChangeReport> change(Keyring::State& state, EpochPlan const& plan,
                            ChangeOptions const& options, std::stop_token stop) {
    std::lock_guard lock(state.store_mutex);
    PD_CHECK(tell(options, ChangeStep::intent));
    PD_TRY(Draft const draft, Advance(state, options, stop).run(plan));
    PD_TRY(ChangeReport report, Settle(state, options, stop).run());
    report.erased = draft.erased;
    return report;
}

}  // namespace

Result<ChangeReport> Keyring::erase(std::vector<SubjectName> const& subjects,
                                    ChangeOptions const& options, std::stop_token stop) {
    EpochPlan plan;
    plan.fresh_inbox = true;
    plan.ledger_head = options.ledger_head;
    for (SubjectName const& subject : subjects) {
        plan.people.push_back(state_->token_of(subject.source, subject.key));
    }
    if (plan.people.empty()) return fail(Fault::not_found, "nobody was named: nothing was erased");
    return change(*state_, plan, options, std::move(stop));
}

Result<ChangeReport> Keyring::erase_handles(std::vector<Handle> const& handles,
                                            ChangeOptions const& options, std::stop_token stop) {
    if (handles.empty()) return fail(Fault::not_found, "nobody was named: nothing was erased");
    EpochPlan plan;
    plan.fresh_inbox = true;
    plan.ledger_head = options.ledger_head;
    plan.handles = handles;
    return change(*state_, plan, options, std::move(stop));
}

Result<SlotId> Keyring::add_slot(NewSlot const& slot, ChangeOptions const& options,
                                 std::stop_token stop) {
    // A second slot of one secret would go on opening what its owner thinks they closed.
    auto const& slots = state_->now_loaded()->manifest.header.slots;
    if (auto const taken = open_slot(slots, slot.secret, state_->place.repository)) {
        return fail(Fault::conflict, fmt::format("this secret is a key of the repository already: "
                                                 "{}",
                                                 to_hex(taken->slot).substr(0, 8)))
            .with_code(2)
            .with_fix("choose another secret; perdure key list shows the keys there are");
    }
    EpochPlan plan;
    PD_TRY(plan.add, make_slot(slot, state_->place.repository, state_->key.opener->authenticity,
                               state_->outside));
    PD_CHECK(change(*state_, plan, options, std::move(stop)));
    return plan.add->info.id;
}

Result<ChangeReport> Keyring::remove_slot(SlotId const& id, ChangeOptions const& options,
                                          std::stop_token stop) {
    if (id == opened_slot()) {
        return fail(Fault::invalid, "the key in use cannot remove itself")
            .with_code(2)
            .with_fix("open the repository with another key, then remove this one");
    }
    EpochPlan plan;
    plan.remove = id;
    plan.fresh_inbox = true;
    plan.fresh_shard_keys = true;
    return change(*state_, plan, options, std::move(stop));
}

Result<ChangeReport> Keyring::rotate(ChangeOptions const& options, std::stop_token stop) {
    EpochPlan plan;
    plan.fresh_inbox = true;
    plan.fresh_shard_keys = true;
    return change(*state_, plan, options, std::move(stop));
}

Result<ChangeReport> Keyring::settle(ChangeOptions const& options, std::stop_token stop) {
    std::lock_guard lock(state_->store_mutex);
    return Settle(*state_, options, std::move(stop)).run();
}

bool Keyring::is_settled() const {
    auto const now = state_->now_loaded();
    return is_final(*now) && now->additions.size() < additions_to_fold;
}

}  // namespace perdure::repository
