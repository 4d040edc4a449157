#include <algorithm>

#include "repository/keyring/state.h"
#include "repository/triple.h"

namespace perdure::repository {

namespace {

constexpr int retries_max = 4;

/// Puts an addition under the session's next free number. A lost response makes the retry find the
/// name taken by its own bytes, which is success.
Result<void> put_addition(KeyringPlace const& place, ManifestBody const& body, Addition& addition,
                          std::uint32_t& number, std::stop_token const& stop) {
    auto& authority = *place.homes.front();
    for (int retries = 0;;) {
        addition.number = number;
        Bytes const bytes = seal_addition(addition, place.repository, body);
        auto const name = addition_name(addition.session, number);
        auto put = put_triple(authority, name, bytes, store::PutMode::if_absent, stop);
        while (!put && put.error().fault() == Fault::unavailable && retries++ < retries_max) {
            put = put_triple(authority, name, bytes, store::PutMode::if_absent, stop);
        }
        bool taken = false;
        if (!put) {
            if (put.error().fault() != Fault::conflict) return put;
            auto const there = get_triple(authority, name, addition_bytes_max, stop);
            if (!there && there.error().fault() == Fault::unavailable) return there.error();
            taken = !there || there->body != bytes;
        }
        ++number;
        if (taken) continue;
        // The other homes are best effort here; settle() copies what they miss.
        for (auto const& home : place.homes) {
            if (home == place.homes.front()) continue;
            static_cast<void>(
                put_triple(*home, name, bytes, store::PutMode::if_absent, stop).has_value());
        }
        return {};
    }
}

}  // namespace

/// At most half a shard of what is not stored yet, under the mutex.
Addition Keyring::State::next_addition(SessionId const& session) const {
    Addition addition;
    addition.session = session;
    addition.inbox_epoch = loaded->body().inboxes.front().epoch;
    for (Handle const& handle : unflushed) {
        if (addition.set.entries.size() == shard_entries_max / 2) break;
        addition.set.entries.push_back(made.at(handle));
    }
    auto const some = std::min(dropped.size(), shard_entries_max / 2);
    addition.set.tombstones.assign(dropped.end() - static_cast<std::ptrdiff_t>(some),
                                   dropped.end());
    for (MadeWriter const& each : made_writers) {
        if (!each.flushed) addition.writers.push_back(each.writer);
    }
    addition.set.sort();
    return addition;
}

/// Under the mutex.
void Keyring::State::mark_flushed(Addition const& addition) {
    for (Entry const& entry : addition.set.entries) unflushed.erase(entry.handle);
    std::erase_if(dropped, [&](Tombstone const& each) {
        return std::ranges::binary_search(addition.set.tombstones, each.handle, {},
                                          &Tombstone::handle);
    });
    for (MadeWriter& each : made_writers) {
        if (std::ranges::any_of(addition.writers, [&](Writer const& writer) {
                return writer.pair.open == each.writer.pair.open;
            })) {
            each.flushed = true;
        }
    }
}

Result<void> Keyring::State::flush(SessionId const& session, std::stop_token const& stop) {
    for (;;) {
        std::unique_lock lock(mutex);
        if (given_up.contains(session)) {
            return fail(Fault::conflict, "an erasure gave this session up: it was silent too long")
                .with_fix("run the backup again; it finds most of its data stored already");
        }
        addition_numbers.try_emplace(session, 0);
        Addition addition = next_addition(session);
        if (addition.set.size() == 0 && addition.writers.empty()) return {};
        LoadedPtr const base = loaded;
        std::uint32_t number = addition_numbers[session];
        lock.unlock();
        auto const put = put_addition(place, base->body(), addition, number, stop);
        lock.lock();
        addition_numbers[session] = number;
        if (!put) return put;
        mark_flushed(addition);
    }
}

}  // namespace perdure::repository
