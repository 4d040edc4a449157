#include "repository/keyring/draft.h"

#include <algorithm>
#include <set>
#include <unordered_set>

#include "repository/keyring/merge/lineage.h"

namespace perdure::repository {

namespace {

std::vector<EntrySetPtr> sets_of(std::map<store::ObjectName, FoundAddition> const& additions) {
    std::vector<EntrySetPtr> sets;
    for (auto const& [name, addition] : additions) {
        if (addition.set) sets.push_back(addition.set);
    }
    return sets;
}

/// A shard while it is being rewritten; untouched ones keep their bytes, name and key.
struct Work {
    EntrySetPtr as_it_was;
    ShardRef ref;
    EntrySet set;
    bool changed = false;

    std::size_t size() const { return changed ? set.size() : as_it_was->size(); }
    EntrySet& edit() {
        if (!changed) {
            if (as_it_was) set = *as_it_was;
            changed = true;
        }
        return set;
    }
};

class Drafting {
public:
    Drafting(Loaded const& base, EpochPlan const& plan, Outside outside)
        : base_(base), plan_(plan), outside_(outside), body_(base.body()), others_(plan.join) {
        others_.insert(others_.end(), plan.fold.begin(), plan.fold.end());
    }

    Result<Draft> run();

private:
    Result<void> choose_victims();
    void choose_stragglers();
    void choose_erased_elsewhere();
    void rewrite_shards();
    void fold_additions();
    EntrySet& roomy();
    Result<void> change_inboxes();
    Result<void> change_slots(Manifest& manifest);
    void name_ancestors(Manifest& manifest) const;
    void seal_shards();
    Tombstone tombstone(Handle const& handle) const {
        return {handle, draft_.epoch, outside_.clock.now().seconds};
    }

    Loaded const& base_;
    EpochPlan const& plan_;
    Outside outside_;
    ManifestBody body_;
    std::vector<LoadedPtr> others_;  ///< to be joined or folded in
    Draft draft_;
    std::unordered_set<Handle, OpaqueHash> victims_;
    std::set<Token> people_;
    std::vector<Work> work_;
    std::size_t roomy_ = 0;
};

/// By token, so that both handles fall when two writers made one each.
Result<void> Drafting::choose_victims() {
    people_.insert(plan_.people.begin(), plan_.people.end());
    for (Handle const& handle : plan_.handles) {
        if (Entry const* entry = base_.find(handle)) people_.insert(entry->token);
    }
    for (Token const& token : people_) {
        for (Entry const* entry : base_.find(token)) victims_.insert(entry->handle);
    }
    bool const asked = !plan_.people.empty() || !plan_.handles.empty();
    if (asked && victims_.empty()) {
        return fail(Fault::not_found, "the keyring knows none of these people: nothing was erased");
    }
    draft_.erased.assign(victims_.begin(), victims_.end());
    std::ranges::sort(draft_.erased);
    return {};
}

/// What sessions of before the erasure added for the erased, before they heard of it. Additions to
/// the newest inbox were made by sessions that had heard: a person who comes back comes back.
void Drafting::choose_stragglers() {
    for (auto const& [name, addition] : base_.additions) {
        if (!addition.set) continue;
        for (Tombstone const& each : addition.set->tombstones) victims_.insert(each.handle);
    }
    std::set<Token> const erasing(base_.body().erasing.begin(), base_.body().erasing.end());
    if (erasing.empty()) return;
    auto const newest = base_.body().inboxes.front().epoch;
    for (auto const& [name, addition] : base_.additions) {
        if (!addition.set || addition.inbox_epoch >= newest) continue;
        for (Entry const& entry : addition.set->entries) {
            if (erasing.contains(entry.token)) victims_.insert(entry.handle);
        }
    }
}

/// What one side erased while the other did not know: those handles, and the handles that only the
/// other side has for the same people. Privacy wins: a person who came back there meanwhile has to
/// come back once more.
void Drafting::choose_erased_elsewhere() {
    std::vector<Loaded const*> sides{&base_};
    for (auto const& other : others_) sides.push_back(other.get());
    for (Loaded const* here : sides) {
        std::set<Token> gone;
        for (Loaded const* there : sides) {
            for (auto const& [handle, tombstone] : there->tombstones()) {
                Entry const* const entry = here->find(handle);
                if (entry == nullptr) continue;
                victims_.insert(handle);
                gone.insert(entry->token);
            }
        }
        for (Token const& token : gone) {
            for (Entry const* entry : here->find(token)) {
                bool const shared = std::ranges::any_of(sides, [&](Loaded const* there) {
                    return there != here && there->find(entry->handle) != nullptr;
                });
                if (!shared) victims_.insert(entry->handle);
            }
        }
    }
}

void Drafting::rewrite_shards() {
    for (std::size_t i = 0; i < base_.shards.size(); ++i) {
        Work work{base_.shards[i], base_.body().shards[i], {}, false};
        auto const is_victim = [&](Entry const& entry) { return victims_.contains(entry.handle); };
        if (plan_.fresh_shard_keys) work.edit();
        if (std::ranges::any_of(work.as_it_was->entries, is_victim)) {
            EntrySet& set = work.edit();
            for (Entry const& entry : set.entries) {
                if (is_victim(entry)) set.tombstones.push_back(tombstone(entry.handle));
            }
            std::erase_if(set.entries, is_victim);
        }
        work_.push_back(std::move(work));
    }
}

/// A shard with room for one more, preferring one that is rewritten anyway.
EntrySet& Drafting::roomy() {
    if (roomy_ < work_.size() && work_[roomy_].changed &&
        work_[roomy_].size() < shard_entries_max) {
        return work_[roomy_].set;
    }
    auto const has_room = [](Work const& work) { return work.size() < shard_entries_max; };
    auto best = std::ranges::find_if(
        work_, [&](Work const& work) { return work.changed && has_room(work); });
    if (best == work_.end()) best = std::ranges::find_if(work_, has_room);
    if (best == work_.end()) best = work_.insert(work_.end(), Work{});
    roomy_ = static_cast<std::size_t>(best - work_.begin());
    return best->edit();
}

void Drafting::fold_additions() {
    std::unordered_set<Handle, OpaqueHash> stored;
    for (auto const& shard : base_.shards) {
        for (Entry const& entry : shard->entries) stored.insert(entry.handle);
        for (Tombstone const& each : shard->tombstones) stored.insert(each.handle);
    }
    std::vector<EntrySetPtr> sets = sets_of(base_.additions);
    body_.writers = base_.writers();
    for (auto const& other : others_) {
        sets.insert(sets.end(), other->shards.begin(), other->shards.end());
        auto const added = sets_of(other->additions);
        sets.insert(sets.end(), added.begin(), added.end());
        for (Writer const& writer : other->writers()) {
            bool const known = std::ranges::any_of(body_.writers, [&](Writer const& each) {
                return each.pair.open == writer.pair.open;
            });
            if (!known) body_.writers.push_back(writer);
        }
    }
    // Tombstones first: they win over an entry of the same handle, wherever that is.
    for (auto const& set : sets) {
        for (Tombstone const& each : set->tombstones) {
            if (stored.insert(each.handle).second) roomy().tombstones.push_back(each);
        }
    }
    for (auto const& set : sets) {
        for (Entry const& entry : set->entries) {
            if (!stored.insert(entry.handle).second) continue;
            if (victims_.contains(entry.handle)) {
                roomy().tombstones.push_back(tombstone(entry.handle));
            } else {
                roomy().entries.push_back(entry);
            }
        }
    }
}

Result<void> Drafting::change_inboxes() {
    if (plan_.final_inbox) {
        if (body_.inboxes.front().epoch != *plan_.final_inbox) {
            return fail(Fault::conflict, "another change of the keyring came in between");
        }
        body_.inboxes.resize(1);
        body_.erasing.clear();
    }
    for (Token const& token : people_) {
        if (std::ranges::find(body_.erasing, token) == body_.erasing.end()) {
            body_.erasing.push_back(token);
        }
    }
    if (body_.erasing.size() > erasing_max) {
        return fail(Fault::exhausted, "too many people at once: erase them in several steps");
    }
    if (!plan_.fresh_inbox) return {};
    if (body_.inboxes.size() >= inboxes_max) {
        return fail(Fault::exhausted, "too many changes wait for running sessions")
            .with_fix(
                "end the running backups, then repeat; one that was killed on another machine "
                "counts as running for a day");
    }
    body_.inboxes.insert(body_.inboxes.begin(),
                         {draft_.epoch, crypto::make_seal_pair(outside_.random)});
    return {};
}

Result<void> Drafting::change_slots(Manifest& manifest) {
    for (auto const& other : plan_.join) {
        auto const& theirs = other->manifest.header.slots;
        std::erase_if(manifest.slots, [&](Slot const& slot) {
            return std::ranges::none_of(
                theirs, [&](Slot const& each) { return each.info.id == slot.info.id; });
        });
    }
    if (plan_.remove) {
        auto const removed = std::erase_if(
            manifest.slots, [&](Slot const& slot) { return slot.info.id == *plan_.remove; });
        if (removed == 0) return fail(Fault::not_found, "there is no such key");
        if (manifest.slots.empty()) {
            return fail(Fault::invalid, "the last key cannot be removed").with_code(2);
        }
    }
    if (plan_.add) {
        if (manifest.slots.size() >= slots_max) {
            return fail(Fault::exhausted, "the repository has its 32 keys already");
        }
        manifest.slots.push_back(*plan_.add);
    }
    return {};
}

/// Newest first: what this epoch replaces, then what those came after.
void Drafting::name_ancestors(Manifest& manifest) const {
    std::vector<Ancestor> ancestors{ancestor_of(base_.manifest.hash)};
    for (auto const& other : others_) ancestors.push_back(ancestor_of(other->manifest.hash));
    std::vector<std::vector<Ancestor>> lists{read_ancestors(base_.manifest.header.optional)};
    for (auto const& other : plan_.join) {
        lists.push_back(read_ancestors(other->manifest.header.optional));
    }
    // In turn: should the list be cut, every side loses its oldest.
    for (std::size_t i = 0; i < ancestors_max; ++i) {
        for (auto const& list : lists) {
            if (i >= list.size() || std::ranges::find(ancestors, list[i]) != ancestors.end()) {
                continue;
            }
            ancestors.push_back(list[i]);
        }
    }
    manifest.optional = with_ancestors(manifest.optional, ancestors);
}

void Drafting::seal_shards() {
    body_.shards.clear();
    for (Work& work : work_) {
        if (work.changed) {
            work.set.sort();
            outside_.random.fill(work.ref.key.span());
            Bytes bytes = seal_shard(work.set, base_.manifest.header.repository, work.ref.key,
                                     outside_.random);
            work.ref.name = crypto::sha256(bytes);
            draft_.shards.push_back({shard_name(work.ref.name), std::move(bytes)});
        }
        body_.shards.push_back(work.ref);
    }
}

Result<Draft> Drafting::run() {
    draft_.epoch = base_.epoch_seen + 1;
    for (auto const& other : others_) {
        draft_.epoch = std::max(draft_.epoch, other->epoch_seen + 1);
    }
    for (auto const& other : plan_.join) {
        for (Token const& token : other->body().erasing) {
            auto& erasing = body_.erasing;
            if (std::ranges::find(erasing, token) == erasing.end()) erasing.push_back(token);
        }
    }
    PD_CHECK(choose_victims());
    choose_stragglers();
    if (!others_.empty()) choose_erased_elsewhere();
    rewrite_shards();
    fold_additions();
    PD_CHECK(change_inboxes());
    if (plan_.ledger_head) body_.ledger_head = *plan_.ledger_head;
    Manifest manifest = base_.manifest.header;
    PD_CHECK(change_slots(manifest));
    if (work_.size() > shards_max || body_.writers.size() > writers_max) {
        return fail(Fault::exhausted, "the keyring is full");
    }
    seal_shards();
    manifest.epoch = draft_.epoch;
    manifest.previous = base_.manifest.hash;
    name_ancestors(manifest);
    manifest.created = outside_.clock.now();
    draft_.manifest = seal_manifest(std::move(manifest), body_, outside_.random);
    return std::move(draft_);
}

}  // namespace

Result<Draft> make_draft(Loaded const& base, EpochPlan const& plan, Outside outside) {
    return Drafting(base, plan, outside).run();
}

}  // namespace perdure::repository
