#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "data/stream.h"
#include "store/object_store.h"

namespace perdure::repository {

/// One of the destinations: each has copies of its own, and each is looked at.
struct Place {
    store::ObjectStore* store = nullptr;  ///< for reading only
    std::string at;  ///< " (at local /srv/backups)"; empty when there is but one
};

/// The destinations that a verification looks at. One that does not answer, or stops answering
/// half-way, is named and asked no more: what the others hold is proven all the same.
/// Threads: ask() from one, before all else; the rest from any.
class Places {
public:
    Places(store::ObjectStore& store, std::stop_token stop)
        : store_(store), stop_(std::move(stop)) {}

    /// Fails: cancelled; as the first that did not answer, when none does.
    Result<void> ask();
    std::vector<Place> const& all() const { return all_; }
    /// Those that may hold objects of this name.
    std::vector<Place> const& of(std::string_view name) const;

    bool is_silent(Place const& place) const;
    /// As answers() of a store; a silent one does not.
    bool answers(Place const& place) const;
    /// From now on the place is silent. Fails: cancelled; with this error, when no other is left.
    Result<void> pass_over(Place const& place, Error const& error);
    void note_lack(Place const& place, std::size_t objects);

    /// How many answered to the end and lack nothing.
    std::uint64_t whole() const;
    /// Where not everything could be looked at, and why.
    std::vector<data::Problem> unread() const;

private:
    Result<void> ask(std::vector<store::ObjectStore*> const& stores, std::vector<Place>& places);
    void note(store::ObjectStore& place, std::string why);
    store::ObjectStore* to_read(store::ObjectStore& place);

    store::ObjectStore& store_;
    std::stop_token stop_;
    std::map<store::ObjectStore*, std::shared_ptr<store::ObjectStore>> readers_;
    std::vector<Place> all_, homes_;  ///< that answered when asked; the latter hold the keyring
    mutable std::mutex mutex_;
    std::set<store::ObjectStore const*> silent_, lacking_;
    std::vector<data::Problem> unread_;
};

}  // namespace perdure::repository
