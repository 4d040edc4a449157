// Taking the keyring away from a place that shall hold none.
//
// The problem: that place may be the only one that holds the newest epoch, or an addition with the
// keys of people; and once a manifest is gone from it, nothing there opens.
//
// 1. It is read together with the key homes, as one of them: the highest epoch and the union of the
//    additions is what the homes have to hold before anything goes.
// 2. Every key home that is there gets what it lacks and then opens that very manifest by itself.
// 3. Objects are removed, the newest manifest first: from then on nothing there opens. They leave
//    no tombstones: what a late writer still puts there is found and removed by the next call.
// 4. No state but the objects: whatever a crash left is found again, and begins at 1.
//
// Rejected: removing when the configuration is read (a typing error would cost a key home), and
// tombstones (they would keep the names taken when the place becomes a key home again).
#include "repository/keyring/retire/retire.h"

#include <fmt/core.h>

#include <algorithm>

#include "repository/keyring/homes.h"
#include "repository/keyring/merge/lineage.h"
#include "store/wrap/keyless.h"
#include "store/wrap/mirror.h"

namespace perdure::repository {

namespace {

constexpr std::string_view manifest_prefix = "keyring/m/";

/// Manifests before all others, the newest first.
bool goes_before(store::ObjectName const& a, store::ObjectName const& b) {
    bool const first = a.starts_with(manifest_prefix), second = b.starts_with(manifest_prefix);
    if (first != second) return first;
    if (first && a.size() != b.size()) return a.size() > b.size();
    return first ? a > b : a < b;
}

Result<std::vector<store::ObjectName>> keyring_at(store::ObjectStore& place,
                                                  std::stop_token const& stop) {
    std::vector<store::ObjectName> names;
    PD_CHECK(place.list(
        std::string(store::keyring_prefix),
        [&](store::ObjectInfo const& info) -> Result<void> {
            names.push_back(info.name);
            return {};
        },
        stop));
    std::ranges::sort(names, goes_before);
    return names;
}

RetiredPlace describe(store::ObjectStore& place, std::size_t objects) {
    return {.place = place.describe(),
            .objects = objects,
            .removed = false,
            .revivable = place.capabilities().history,
            .pending = {}};
}

class Retirement {
public:
    Retirement(RetireRequest const& request, store::KeyPlaces places, std::stop_token stop)
        : request_(request), places_(std::move(places)), stop_(std::move(stop)) {}

    Result<std::vector<RetiredPlace>> run() {
        std::vector<RetiredPlace> done;
        for (store::ObjectStore* place : places_.keyless) {
            PD_TRY(auto const names, keyring_at(*place, stop_));
            if (names.empty()) continue;
            RetiredPlace report = describe(*place, names.size());
            PD_CHECK(retire(*place, names, report));
            done.push_back(std::move(report));
        }
        return done;
    }

private:
    Result<void> retire(store::ObjectStore& former, std::vector<store::ObjectName> const& names,
                        RetiredPlace& report);
    Result<std::string> bring_homes_up(KeyringPlace const& place, LoadKey& key,
                                       Loaded const& current);
    Result<void> tell(std::string const& what) const {
        return request_.log ? request_.log(what) : Result<void>();
    }

    RetireRequest const& request_;
    store::KeyPlaces places_;
    std::stop_token stop_;
};

/// Why not, or nothing.
Result<std::string> Retirement::bring_homes_up(KeyringPlace const& place, LoadKey& key,
                                               Loaded const& current) {
    for (store::ObjectStore* home : places_.homes) {
        auto const up = bring_home_up({place, key, current, *home}, stop_);
        if (up) continue;
        if (up.error().fault() == Fault::cancelled) return up.error();
        return fmt::format("{} does not hold all of it yet: {}", home->describe(),
                           up.error().message());
    }
    return std::string();
}

Result<void> Retirement::retire(store::ObjectStore& former,
                                std::vector<store::ObjectName> const& names, RetiredPlace& report) {
    auto together = places_.homes;
    together.push_back(&former);
    PD_TRY(KeyringPlace const place,
           keyring_place(request_.store, together, request_.cache_folder, stop_));
    // Opened first: that looks at the pin of this machine, too.
    PD_TRY(auto const keyring, Keyring::open(place, request_.secret, request_.outside, stop_));
    PD_TRY(auto const lineage, lineage_of(together, stop_));
    if (!lineage.is_one()) {
        report.pending =
            lineage.forked
                ? "its keyring was changed apart from the others: let it be a key home again (keys "
                  "= true), then run `perdure key merge`"
                : "a key home missed a change of keys: run `perdure backup sync`";
        return {};
    }
    if (auto const damaged = keyring->damaged(); !damaged.empty()) {
        report.pending = damaged.front() + " is damaged: run `perdure repo repair` first";
        return {};
    }
    LoadKey key;
    key.secret = &request_.secret;
    auto const current = load_keyring({place, key, nullptr, keyring->epoch()}, stop_);
    key.secret = nullptr;
    if (!current) return current.error();
    PD_CHECK(tell(fmt::format("removing {} objects of the keyring from {}; epoch {} stays at {}",
                              names.size(), report.place, (*current)->epoch(),
                              places_.homes.front()->describe())));
    PD_TRY(report.pending, bring_homes_up(place, key, **current));
    if (!report.pending.empty()) return {};
    for (store::ObjectName const& name : names) {
        auto const gone = former.remove(name, stop_);
        if (gone) continue;
        if (gone.error().fault() == Fault::cancelled) return gone;
        report.pending = gone.error().message();
        return {};
    }
    PD_TRY(auto const left, keyring_at(former, stop_));
    report.removed = left.empty();
    if (!left.empty()) {
        report.pending = left.front() + " came back: a program that knows the old configuration?";
        return {};
    }
    return tell(fmt::format("removed {} objects of the keyring from {}{}", names.size(),
                            report.place, report.revivable ? ", whose history keeps them" : ""));
}

}  // namespace

Result<std::vector<RetiredPlace>> former_key_homes(store::ObjectStore& store,
                                                   std::stop_token stop) {
    std::vector<RetiredPlace> former;
    for (store::ObjectStore* place : store::key_places(store).keyless) {
        PD_TRY(auto const names, keyring_at(*place, stop));
        if (!names.empty()) former.push_back(describe(*place, names.size()));
    }
    return former;
}

Result<std::vector<RetiredPlace>> retire_key_homes(RetireRequest const& request,
                                                   std::stop_token stop) {
    auto places = store::key_places(*request.store);
    if (places.homes.empty()) {
        return fail(Fault::unavailable, "no key home is there to keep the keyring").with_code(13);
    }
    return Retirement(request, std::move(places), std::move(stop)).run();
}

}  // namespace perdure::repository
