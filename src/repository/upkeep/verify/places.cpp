#include "repository/upkeep/verify/places.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "repository/config_object.h"
#include "store/wrap/keyless.h"
#include "store/wrap/mirror.h"
#include "store/wrap/read_only.h"

namespace perdure::repository {

void Places::note(store::ObjectStore& place, std::string why) {
    std::string where = place.describe();
    std::lock_guard const lock(mutex_);
    auto const told = std::ranges::find(unread_, where, &data::Problem::path);
    if (told == unread_.end()) unread_.push_back({std::move(where), std::move(why)});
}

/// One for each place, whatever it holds.
store::ObjectStore* Places::to_read(store::ObjectStore& place) {
    auto& reader = readers_[&place];
    if (reader == nullptr) reader = store::read_only(place);
    return reader.get();
}

Result<void> Places::ask() {
    PD_CHECK(ask(store_.legs(), all_));
    return ask(store::key_places(store_).homes, homes_);
}

Result<void> Places::ask(std::vector<store::ObjectStore*> const& stores,
                         std::vector<Place>& places) {
    std::optional<Error> silent;
    for (store::ObjectStore* one : stores) {
        auto const answer =
            one->list("snapshot/", [](store::ObjectInfo const&) { return Result<void>(); }, stop_);
        if (answer) {
            places.push_back(
                {to_read(*one), stores.size() > 1 ? " (at " + one->describe() + ")" : ""});
            continue;
        }
        if (answer.error().fault() == Fault::cancelled) return answer.error();
        if (!silent) silent = answer.error();
        note(*one, "it does not answer: " + answer.error().message());
    }
    return places.empty() && silent ? Result<void>(*silent) : Result<void>();
}

std::vector<Place> const& Places::of(std::string_view name) const {
    return store::is_of_keyring(name) ? homes_ : all_;
}

bool Places::is_silent(Place const& place) const {
    std::lock_guard const lock(mutex_);
    return silent_.contains(place.store);
}

bool Places::answers(Place const& place) const {
    return !is_silent(place) && repository::answers(*place.store, stop_);
}

Result<void> Places::pass_over(Place const& place, Error const& error) {
    if (error.fault() == Fault::cancelled) return error;
    {
        std::lock_guard const lock(mutex_);
        silent_.insert(place.store);
        bool const none_left = std::ranges::all_of(
            all_, [&](Place const& each) { return silent_.contains(each.store); });
        if (none_left) return error;
    }
    note(*place.store, error.fault() == Fault::unavailable
                           ? "it stopped answering: " + error.message()
                           : "it cannot be looked at: " + error.message());
    return {};
}

void Places::note_lack(Place const& place, std::size_t objects) {
    {
        std::lock_guard const lock(mutex_);
        lacking_.insert(place.store);
    }
    note(*place.store, fmt::format("it lacks {} objects: run `perdure backup sync`", objects));
}

std::uint64_t Places::whole() const {
    std::lock_guard const lock(mutex_);
    return static_cast<std::uint64_t>(std::ranges::count_if(all_, [&](Place const& place) {
        return !silent_.contains(place.store) && !lacking_.contains(place.store);
    }));
}

std::vector<data::Problem> Places::unread() const {
    std::lock_guard const lock(mutex_);
    return unread_;
}

}  // namespace perdure::repository
