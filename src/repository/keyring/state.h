#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "repository/keyring/keyring.h"
#include "repository/keyring/loaded.h"

namespace perdure::repository {

struct MadeWriter {
    Writer writer;
    bool flushed = false;
};

/// What an open keyring knows. `mutex` guards everything below it; no store is touched
/// under it. `store_mutex` is taken first, by the public methods alone.
struct Keyring::State {
    State(KeyringPlace place_of, Outside outside_of)
        : place(std::move(place_of)), outside(outside_of) {}

    KeyringPlace place;
    Outside outside;
    LoadKey key;

    std::mutex store_mutex;  ///< one at a time reads or changes the stored keyring
    mutable std::mutex mutex;
    LoadedPtr loaded;
    std::optional<crypto::HmacKey> lookup;
    DomainPtr common;
    std::unordered_map<Handle, Entry, OpaqueHash> made;  ///< by this session
    std::set<Handle> unflushed;                          ///< those of them not stored yet
    std::vector<MadeWriter> made_writers;
    std::vector<Tombstone> dropped;  ///< made by us, erased before they were stored
    std::unordered_map<Token, Handle, OpaqueHash> chosen;  ///< one handle a person and session
    std::unordered_set<Token, OpaqueHash> erased_people;
    std::unordered_set<Handle, OpaqueHash> erased_handles;
    std::map<SessionId, std::uint32_t> addition_numbers;  ///< of the sessions we know
    std::set<SessionId> given_up;                         ///< an erasure went on without them
    mutable std::unordered_map<Handle, DomainPtr, OpaqueHash> domains;  ///< a bounded cache

    LoadedPtr now_loaded() const {
        std::lock_guard lock(mutex);
        return loaded;
    }
    Token token_of(std::string const& source, ByteView subject_key) const;
    /// Under the mutex.
    DomainPtr domain_of(Entry const& entry) const;
    /// Reads the store, checks and moves the pin, takes the result over.
    /// The handles erased since. Fails: as Keyring::open.
    Result<std::vector<Handle>> reload(std::vector<SessionId> known_sessions, std::stop_token stop);

    /// Puts what this session made and did not store yet.
    Result<void> flush(SessionId const& session, std::stop_token const& stop);

private:
    Addition next_addition(SessionId const& session) const;
    void mark_flushed(Addition const& addition);
    std::vector<Handle> adopt(LoadedPtr next);
    bool was_left_behind(Loaded const& next) const;
    void drop_made(Loaded const& next, std::vector<Handle>& erased);
    Result<void> check_against_memory(Loaded const& next);
};

}  // namespace perdure::repository
