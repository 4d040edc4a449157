#include "repository/keyring/state.h"

#include <algorithm>

#include "repository/keyring/pin.h"

namespace perdure::repository {

namespace {
constexpr std::size_t cached_domains_max = 4096;  // about 1 KiB each
}

Token Keyring::State::token_of(std::string const& source, ByteView subject_key) const {
    Encoder prefix;
    prefix.text(source);
    Token token;
    token.bytes = lookup->mac({prefix.view(), subject_key}).bytes;
    return token;
}

DomainPtr Keyring::State::domain_of(Entry const& entry) const {
    auto const known = domains.find(entry.handle);
    if (known != domains.end()) return known->second;
    if (domains.size() >= cached_domains_max) domains.clear();
    auto domain = std::make_shared<Domain const>(place.repository, entry.handle, entry.generation,
                                                 entry.secret);
    domains.emplace(entry.handle, domain);
    return domain;
}

Result<void> Keyring::State::check_against_memory(Loaded const& next) {
    if (loaded) {
        Pin const memory{place.repository, loaded->epoch(), loaded->manifest.hash};
        PD_CHECK(check_pin(memory, next.manifest));
    }
    auto const pin = read_pin(place.pin_file);
    if (pin) {
        auto checked = check_pin(*pin, next.manifest);
        bool const older = !checked && checked.error().fault() == Fault::corrupt;
        if (older) {
            return std::move(checked).error().with_fix(
                "perdure backup sync, where another destination has the newer keys; else find the "
                "newer copy before writing (reading goes on without it); if it is lost for good, "
                "delete " +
                place.pin_file.string() + " and go on from here");
        }
        PD_CHECK(checked);
    }
    if (!pin || pin->epoch < next.epoch()) {
        // A memory only: a restore must go on where nothing may be written, or nothing fits any
        // more.
        (void)write_pin(place.pin_file, {place.repository, next.epoch(), next.manifest.hash});
    }
    return {};
}

Result<std::vector<Handle>> Keyring::State::reload(std::vector<SessionId> known_sessions,
                                                   std::stop_token stop) {
    auto const before = now_loaded();
    LoadRequest const request{place, key, before, before ? before->epoch() : 1,
                              std::move(known_sessions)};
    for (bool again = true;; again = false) {
        auto const remembered = read_pin(place.pin_file);
        PD_TRY(LoadedPtr next, load_keyring(request, stop));
        auto const checked = check_against_memory(*next);
        if (checked) return adopt(std::move(next));
        // Another process may have changed the keys, and remembered it, while this one was reading.
        auto const now = read_pin(place.pin_file);
        bool const moved = now && (!remembered || remembered->epoch != now->epoch);
        if (!again || !moved) return checked.error();
    }
}

/// A living session sees each inbox come before it sees the one before go: whoever finds the inbox
/// it added to gone was given up, and what it made may belong to people erased since.
bool Keyring::State::was_left_behind(Loaded const& next) const {
    if (!loaded) return false;
    auto const ours = loaded->body().inboxes.front().epoch;
    return std::ranges::none_of(next.body().inboxes,
                                [&](Inbox const& inbox) { return inbox.epoch == ours; });
}

/// Own domains that the store shows, shows erased, or lost in a change of epoch.
void Keyring::State::drop_made(Loaded const& next, std::vector<Handle>& erased) {
    bool const new_epoch = loaded && loaded->epoch() != next.epoch();
    bool const left_behind = was_left_behind(next);
    if (left_behind) {
        for (auto const& [session, number] : addition_numbers) given_up.insert(session);
    }
    for (auto const& token : next.body().erasing) erased_people.insert(token);
    for (auto at = made.begin(); at != made.end();) {
        Entry const& entry = at->second;
        bool const gone = next.tombstone(entry.handle) != nullptr;
        if (gone) erased_people.insert(entry.token);
        if (gone || next.find(entry.handle) != nullptr) {
            if (gone) erased.push_back(entry.handle);
            at = made.erase(at);
            continue;
        }
        if (left_behind) {
            erased.push_back(entry.handle);
            at = made.erase(at);
            continue;
        }
        if (erased_people.contains(entry.token)) {
            erased.push_back(entry.handle);
            dropped.push_back({entry.handle, next.epoch(), outside.clock.now().seconds});
            at = made.erase(at);
            continue;
        }
        // Sealed to an inbox that is on its way out, and perhaps overlooked by a stale listing.
        if (new_epoch) unflushed.insert(entry.handle);
        ++at;
    }
    std::erase_if(unflushed, [&](Handle const& handle) { return !made.contains(handle); });
    for (MadeWriter& each : made_writers) {
        if (new_epoch) each.flushed = false;
    }
    std::erase_if(made_writers, [&](MadeWriter const& each) {
        return std::ranges::any_of(next.writers(), [&](Writer const& known) {
            return known.pair.open == each.writer.pair.open;
        });
    });
}

std::vector<Handle> Keyring::State::adopt(LoadedPtr next) {
    std::lock_guard lock(mutex);
    std::vector<Handle> erased;
    if (loaded) {
        for (auto const& [handle, tombstone] : next->tombstones()) {
            if (loaded->tombstone(handle) != nullptr) continue;
            Entry const* const entry = loaded->find(handle);
            if (entry == nullptr) continue;
            erased_people.insert(entry->token);
            erased.push_back(handle);
        }
    }
    drop_made(*next, erased);
    for (Handle const& handle : erased) erased_handles.insert(handle);
    if (!loaded) {
        lookup.emplace(next->body().lookup);
        Entry const& entry = next->body().common;
        common = std::make_shared<Domain const>(place.repository, entry.handle, entry.generation,
                                                entry.secret);
    }
    domains.clear();
    loaded = std::move(next);
    return erased;
}

}  // namespace perdure::repository
