// What is behind a mirror, and how each of its destinations does.
#include "store/wrap/keyless.h"
#include "store/wrap/mirror.h"

namespace perdure::store {

Capabilities MirrorStore::capabilities() const {
    Capabilities all;
    for (auto const& leg : legs_) {
        if (leg.made.store == nullptr) continue;
        auto const one = leg.made.store->capabilities();
        all.put_if_absent = all.put_if_absent && one.put_if_absent;
        all.removes = all.removes && one.removes;
        all.history = all.history || one.history;
    }
    return all;
}

std::string MirrorStore::describe() const {
    if (legs_.size() == 1 && legs_[0].made.store != nullptr) return legs_[0].made.store->describe();
    std::string text = "mirror of";
    for (auto const& leg : legs_) {
        if (!holds(leg, Kind::data)) continue;
        text += text.ends_with("of") ? " " : ", ";
        text += leg.made.store != nullptr ? leg.made.store->describe() : leg.made.name;
    }
    return text;
}

std::vector<ObjectStore*> MirrorStore::legs() {
    std::vector<ObjectStore*> open;
    for (auto const& leg : legs_)
        if (holds(leg, Kind::data) && leg.made.store != nullptr)
            open.push_back(leg.made.store.get());
    return open;
}

KeyPlaces MirrorStore::key_places() {
    KeyPlaces places;
    for (auto const& leg : legs_) {
        if (leg.made.store == nullptr) {
            if (holds(leg, Kind::keys)) places.absent_homes.push_back(leg.made.name);
        } else if (auto* behind = behind_keyless(*leg.made.store)) {
            places.keyless.push_back(behind);
        } else {
            places.homes.push_back(leg.made.store.get());
        }
    }
    return places;
}

KeyPlaces key_places(ObjectStore& store) {
    if (auto* mirror = dynamic_cast<MirrorStore*>(&store)) return mirror->key_places();
    KeyPlaces places{.homes = {}, .absent_homes = store.absent_legs(), .keyless = {}};
    for (ObjectStore* leg : store.legs()) {
        auto* behind = behind_keyless(*leg);
        (behind ? places.keyless : places.homes).push_back(behind ? behind : leg);
    }
    return places;
}

std::vector<LegHealth> MirrorStore::health() const {
    std::vector<LegHealth> report;
    std::lock_guard const lock(mutex_);
    for (auto const& leg : legs_) {
        if (!holds(leg, Kind::data)) continue;
        report.push_back(
            {leg.made.name, leg.degraded, leg.error, leg.objects_put, leg.bytes_put, leg.shut_out});
    }
    return report;
}

void MirrorStore::degrade(std::size_t leg, Error error) {
    std::lock_guard const lock(mutex_);
    legs_[leg].degraded = true;
    legs_[leg].lags = false;
    if (!legs_[leg].error) legs_[leg].error = std::move(error);
}

void MirrorStore::lag(std::size_t leg, Error error) {
    std::lock_guard const lock(mutex_);
    if (legs_[leg].degraded) return;
    legs_[leg].degraded = legs_[leg].lags = true;
    legs_[leg].error = std::move(error);
}

void MirrorStore::shut_out(
    std::function<std::optional<Error>(std::string const&, ObjectStore&)> const& why) {
    for (auto& leg : legs_) {
        if (leg.made.store == nullptr) continue;
        auto error = why(leg.made.name, *leg.made.store);
        if (!error) continue;
        std::lock_guard const lock(mutex_);
        leg.made.store.reset();
        leg.degraded = leg.shut_out = true;
        leg.lags = false;
        leg.error = std::move(error);
    }
}

std::vector<std::string> MirrorStore::absent_legs() const {
    std::vector<std::string> absent;
    for (auto const& leg : legs_)
        if (holds(leg, Kind::data) && leg.made.store == nullptr) absent.push_back(leg.made.name);
    return absent;
}

void MirrorStore::restore_leg(std::string const& name) {
    std::lock_guard const lock(mutex_);
    for (auto& leg : legs_) {
        if (leg.made.name != name || leg.made.store == nullptr) continue;
        leg.degraded = leg.lags = false;
        leg.error.reset();
    }
}

}  // namespace perdure::store
