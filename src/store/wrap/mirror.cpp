// Problem: several destinations should hold the same objects; any of them may be away, fall silent
// half-way, have missed weeks or be damaged; and nobody may believe that a snapshot lies whole
// where it does not.
//
// 1. One leg, the authority, decides what exists: the first that serves. A put-if-absent that it
//    refuses is refused, whatever the others hold.
// 2. A leg that failed once, or does not keep a pack that it accepted, is given nothing more in
//    this session, so no snapshot lands where one of its packs is missing. It is still read from.
// 3. Before the first put legs are compared. One that lacks a snapshot, a manifest or the config
//    that another has was away: it is no authority, for it may hold keys that were destroyed.
// 4. Keys and data have an authority each; who only lags behind in packs still decides about keys.
// 5. "Not there" is said only where a leg that serves says so, and no other leg has it.
//
// Rejected: the union of what all hold (it promises packs to a leg that lacks them); a second
// mirror for keys (two opinions about who is degraded).
#include "store/wrap/mirror.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <span>
#include <tuple>

#include "store/kept.h"
#include "store/own_names.h"
#include "store/wrap/keyless.h"

namespace perdure::store {

namespace {

constexpr std::string_view snapshot_prefix = "snapshot/";
constexpr std::string_view manifest_prefix = "keyring/m/";
constexpr std::string_view pack_prefix = "pack/";
constexpr char const* compared_data[] = {"config", "index/", "pack/", "snapshot/"};
constexpr char const* compared_keys[] = {"keyring/a/", "keyring/m/", "keyring/s/"};
constexpr std::uint64_t manifest_bytes_max = 64u << 20;

/// Names of these stay for ever (what is deleted becomes a tombstone): a leg that lacks one that
/// another has was away, or lost it.
bool is_lasting(std::string_view name) {
    return name.starts_with(snapshot_prefix) || name.starts_with(manifest_prefix) ||
           name == "config";
}

/// What is taken back wherever it lies: nothing that a leg holds rests on it.
bool reaches_all(std::string_view name) {
    return name.starts_with("lease/") || name.starts_with("pin/");
}

Result<std::vector<std::string>> names_of(ObjectStore& store, std::span<char const* const> prefixes,
                                          std::stop_token const& stop) {
    std::vector<std::string> names;
    for (char const* prefix : prefixes) {
        PD_CHECK(store.list(
            prefix,
            [&](ObjectInfo const& info) -> Result<void> {
                if (is_own_name(info.name)) names.push_back(info.name);
                return {};
            },
            stop));
    }
    std::ranges::sort(names);
    return names;
}

/// How many of the wanted names a store lacks. Listings are not of one moment, and others may be
/// writing, so what a listing lacks is asked for by name.
Result<std::size_t> count_missing(ObjectStore& store, std::vector<std::string> const& wanted,
                                  std::vector<std::string> const& listed,
                                  std::stop_token const& stop) {
    std::vector<std::string> unlisted;
    std::ranges::set_difference(wanted, listed, std::back_inserter(unlisted));
    std::size_t missing = 0;
    for (std::string const& name : unlisted) {
        auto const info = store.head(name, stop);
        if (!info && info.error().fault() != Fault::not_found) return info.error();
        if (!info) ++missing;
    }
    return missing;
}

}  // namespace

Result<std::shared_ptr<MirrorStore>> MirrorStore::create(std::vector<MirrorLeg> legs) {
    if (legs.empty()) return fail(Fault::invalid, "a mirror needs a destination");
    if (std::ranges::none_of(legs, [](MirrorLeg const& leg) { return leg.store != nullptr; })) {
        if (legs.front().error) return *legs.front().error;
        return fail(Fault::unavailable, "no destination could be opened");
    }
    return std::shared_ptr<MirrorStore>(new MirrorStore(std::move(legs)));
}

MirrorStore::MirrorStore(std::vector<MirrorLeg> legs) {
    for (auto& made : legs) {
        Leg leg;
        if (made.store == nullptr) {
            leg.degraded = true;
            leg.error = made.error ? *made.error : fail(Fault::unavailable, "could not be opened");
        } else if (made.role == LegRole::no_keys) {
            made.store = keyless(std::move(made.store));
        }
        leg.made = std::move(made);
        legs_.push_back(std::move(leg));
    }
}

MirrorStore::Kind MirrorStore::kind_of(std::string_view name) {
    return is_of_keyring(name) ? Kind::keys : Kind::data;
}

bool MirrorStore::holds(Leg const& leg, Kind kind) {
    return leg.made.role != (kind == Kind::keys ? LegRole::no_keys : LegRole::keys_only);
}

/// Whether it takes part in what is decided and written.
bool MirrorStore::serves(Leg const& leg, Kind kind) {
    return holds(leg, kind) && (!leg.degraded || (kind == Kind::keys && leg.lags));
}

/// Healthy legs first, then (for reading) the degraded ones that are open.
std::vector<std::size_t> MirrorStore::in_order(bool healthy_only, Kind kind) const {
    std::vector<std::size_t> order;
    std::lock_guard const lock(mutex_);
    for (std::size_t i = 0; i < legs_.size(); ++i)
        if (serves(legs_[i], kind)) order.push_back(i);
    if (healthy_only) return order;
    for (std::size_t i = 0; i < legs_.size(); ++i) {
        Leg const& leg = legs_[i];
        if (holds(leg, kind) && !serves(leg, kind) && leg.made.store != nullptr) order.push_back(i);
    }
    return order;
}

bool MirrorStore::is_healthy(std::size_t leg, Kind kind) const {
    std::lock_guard const lock(mutex_);
    return serves(legs_[leg], kind);
}

/// Asks one leg after the other. A healthy leg that does not answer is degraded, so that the next
/// one has the authority from now on; what a healthy leg does not have, the mirror does not have.
template <typename Attempt>
auto MirrorStore::first_that_can(Kind kind, Attempt attempt)
    -> decltype(attempt(std::declval<ObjectStore&>())) {
    std::optional<Error> silent, absent, other;
    for (std::size_t const i : in_order(false, kind)) {
        auto result = attempt(*legs_[i].made.store);
        if (result) return result;
        Fault const fault = result.error().fault();
        if (fault == Fault::cancelled) return result;
        if (fault == Fault::unavailable) {
            if (!silent) silent = result.error();
            if (is_healthy(i, kind)) degrade(i, result.error());
        } else if (fault != Fault::not_found) {
            if (!other) other = result.error();
        } else if (is_healthy(i, kind) && !absent) {
            absent = result.error();
        }
    }
    for (auto const& error : {other, absent, silent})
        if (error) return *error;
    return fail(Fault::unavailable, "no destination is healthy");
}

Result<Bytes> MirrorStore::read(ObjectName const& name, std::uint64_t offset_bytes,
                                std::uint64_t count_bytes, std::stop_token stop) {
    PD_CHECK(check_name(name));
    return first_that_can(kind_of(name), [&](ObjectStore& leg) {
        return leg.read(name, offset_bytes, count_bytes, stop);
    });
}

Result<ObjectInfo> MirrorStore::head(ObjectName const& name, std::stop_token stop) {
    PD_CHECK(check_name(name));
    return first_that_can(kind_of(name), [&](ObjectStore& leg) { return leg.head(name, stop); });
}

Result<void> MirrorStore::list(std::string const& prefix,
                               std::function<Result<void>(ObjectInfo const&)> each,
                               std::stop_token stop) {
    bool const both = keyring_prefix.starts_with(prefix) && prefix != keyring_prefix;
    if (!both) return list_kind(kind_of(prefix), prefix, each, stop);
    auto const data = [&](ObjectInfo const& info) -> Result<void> {
        if (is_of_keyring(info.name)) return {};
        return each(info);
    };
    PD_CHECK(list_kind(Kind::data, prefix, data, stop));
    return list_kind(Kind::keys, std::string(keyring_prefix), each, stop);
}

/// A leg that fails before it told a name is replaced by the next; it also loses its authority, so
/// that whoever lists here and whoever decides puts stay the same leg.
Result<void> MirrorStore::list_kind(Kind kind, std::string const& prefix,
                                    std::function<Result<void>(ObjectInfo const&)> const& each,
                                    std::stop_token const& stop) {
    bool told = false;
    auto const noting = [&](ObjectInfo const& info) {
        told = true;
        return each(info);
    };
    Result<void> outcome = fail(Fault::unavailable, "no destination is healthy");
    for (std::size_t const i : in_order(false, kind)) {
        outcome = legs_[i].made.store->list(prefix, noting, stop);
        if (outcome || told || outcome.error().fault() == Fault::cancelled) return outcome;
        degrade(i, outcome.error());
    }
    return outcome;
}

Result<Timestamp> MirrorStore::now(std::stop_token stop) {
    return first_that_can(Kind::data, [&](ObjectStore& leg) { return leg.now(stop); });
}

Result<void> MirrorStore::put_at(std::size_t leg, ObjectName const& name, ByteView body,
                                 PutMode mode, std::stop_token const& stop) {
    PD_CHECK(legs_[leg].made.store->put(name, body, mode, stop));
    std::lock_guard const lock(mutex_);
    ++legs_[leg].objects_put;
    legs_[leg].bytes_put += body.size();
    return {};
}

/// The authority accepted the object. A leg that has it already, byte for byte, needs nothing. Who
/// writes a pack asks back the authority alone whether it is there, before a snapshot follows.
Result<void> MirrorStore::copy_to(std::size_t leg, ObjectName const& name, ByteView body,
                                  PutMode mode, std::stop_token const& stop) {
    auto done = put_at(leg, name, body, mode, stop);
    if (done && name.starts_with(pack_prefix))
        return check_kept(*legs_[leg].made.store, name, body.size(), stop);
    if (done || done.error().fault() != Fault::conflict) return done;
    auto const held = read_all(*legs_[leg].made.store, name, body.size(), stop);
    if (held && same_bytes(*held, body)) return {};
    return fail(Fault::conflict, fmt::format("{} holds another {}", legs_[leg].made.name, name));
}

Result<void> MirrorStore::put(ObjectName const& name, ByteView body, PutMode mode,
                              std::stop_token stop) {
    PD_CHECK(check_name(name));
    bool decided = false;
    Result<void> outcome = fail(Fault::unavailable, "no destination is healthy");
    for (std::size_t const i : in_order(true, kind_of(name))) {
        auto done =
            decided ? copy_to(i, name, body, mode, stop) : put_at(i, name, body, mode, stop);
        if (done) {
            decided = true;
            outcome = {};
            continue;
        }
        Fault const fault = done.error().fault();
        if (fault == Fault::cancelled || fault == Fault::invalid) return done;
        if (!decided && fault == Fault::conflict) return done;
        if (!decided) outcome = done.error();
        degrade(i, std::move(done).error());
    }
    return outcome;
}

Result<void> MirrorStore::remove(ObjectName const& name, std::stop_token stop) {
    PD_CHECK(check_name(name));
    if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
    Result<void> outcome;
    for (std::size_t const i : in_order(!reaches_all(name), kind_of(name))) {
        auto done = legs_[i].made.store->remove(name, stop);
        if (!done && outcome)
            outcome = std::move(done).error().within(fmt::format("on {}", legs_[i].made.name));
    }
    return outcome;
}

/// What a leg showed when legs were compared, of each kind what it may hold.
struct MirrorStore::Seen {
    std::size_t leg = 0;
    std::vector<std::string> data, keys;
    bool complete_data = true, complete_keys = true;  ///< it lacks nothing that lasts
    bool complete_people = true;                      ///< nor what others know of people
};

namespace {

/// Of what is kept three times (docs/FORMAT.md "three copies") two copies agree; what is kept once
/// is not judged here, nor anything else.
bool has_two_copies(ByteView object) {
    std::size_t const third = object.size() / 3;
    if (third == 0 || object.size() % 3 != 0) return false;
    std::size_t agreeing = 0;
    for (std::size_t at = 0; at < 3; ++at) {
        auto const one = object.subspan(at * third, third);
        auto const next = object.subspan((at + 1) % 3 * third, third);
        bool const same = same_bytes(one, next);
        agreeing += same && as_text(one).starts_with("PD3C") ? 1 : 0;
    }
    return agreeing > 0;
}

bool is_higher(std::string const& one, std::string const& other) {
    return std::pair(one.size(), one) > std::pair(other.size(), other);
}

/// The newest manifest of the keyring among names; empty when there is none.
std::string newest_manifest(std::vector<std::string> const& names) {
    std::string newest;
    for (std::string const& name : names) {
        if (name.starts_with(manifest_prefix) && is_higher(name, newest)) newest = name;
    }
    return newest;
}

/// Which of them have an object damaged while another one has it whole; legs without it have not.
std::vector<std::size_t> damaged_at(std::vector<std::pair<std::size_t, ObjectStore*>> const& legs,
                                    std::string const& name, std::stop_token const& stop) {
    std::vector<std::size_t> damaged;
    bool whole = false;
    for (auto const& [leg, store] : legs) {
        auto const object = read_all(*store, name, manifest_bytes_max, stop);
        if (!object && object.error().fault() == Fault::not_found) continue;
        bool const good =
            object && (has_two_copies(*object) || as_text(*object).starts_with("PD1P"));
        if (object && !good) damaged.push_back(leg);
        whole = whole || good;
    }
    if (!whole) damaged.clear();
    return damaged;
}

}  // namespace

/// A leg whose newest manifest is damaged decides nothing while another one has it whole.
Result<std::vector<MirrorStore::Seen>> MirrorStore::look_at_legs(std::stop_token const& stop) {
    auto const set_damaged_aside = [&](std::string const& name) {
        std::vector<std::pair<std::size_t, ObjectStore*>> holders;
        for (std::size_t i = 0; i < legs_.size() && !name.empty(); ++i) {
            bool const may = !legs_[i].degraded && holds(legs_[i], kind_of(name));
            if (may) holders.emplace_back(i, legs_[i].made.store.get());
        }
        for (std::size_t const leg : damaged_at(holders, name, stop)) {
            degrade(
                leg,
                fail(Fault::corrupt, name + " is damaged there").with_fix("perdure repo repair"));
        }
    };
    std::vector<Seen> seen;
    for (std::size_t i = 0; i < legs_.size(); ++i) {
        if (legs_[i].degraded) continue;
        Seen one;
        one.leg = i;
        auto data = names_of(*legs_[i].made.store, compared_data, stop);
        auto keys = names_of(*legs_[i].made.store, compared_keys, stop);
        for (auto const* names : {&data, &keys}) {
            if (*names) continue;
            if (names->error().fault() == Fault::cancelled) return names->error();
            degrade(i, names->error());
        }
        if (!data || !keys) continue;
        if (holds(legs_[i], Kind::data)) one.data = std::move(*data);
        if (holds(legs_[i], Kind::keys)) one.keys = std::move(*keys);
        seen.push_back(std::move(one));
    }
    std::vector<std::string> manifests;
    for (Seen const& one : seen) manifests.push_back(newest_manifest(one.keys));
    set_damaged_aside(newest_manifest(manifests));
    std::erase_if(seen, [&](Seen const& one) { return legs_[one.leg].degraded; });
    std::set<std::string> data, keys, people;
    for (Seen const& one : seen) {
        std::ranges::copy_if(one.data, std::inserter(data, data.end()), is_lasting);
        std::ranges::copy_if(one.keys, std::inserter(keys, keys.end()), is_lasting);
        people.insert(one.keys.begin(), one.keys.end());
    }
    for (Seen& one : seen) {
        auto& store = *legs_[one.leg].made.store;
        auto const lacks_none = [&](Kind kind, std::set<std::string> const& lasting,
                                    std::vector<std::string> const& names) {
            if (!holds(legs_[one.leg], kind)) return true;
            auto const missing =
                count_missing(store, {lasting.begin(), lasting.end()}, names, stop);
            return missing && *missing == 0;
        };
        one.complete_data = lacks_none(Kind::data, data, one.data);
        one.complete_keys = lacks_none(Kind::keys, keys, one.keys);
        one.complete_people = one.complete_keys && lacks_none(Kind::keys, people, one.keys);
    }
    return seen;
}

Result<void> MirrorStore::compare_legs(std::stop_token stop) {
    PD_TRY(auto const seen, look_at_legs(stop));
    auto const has = [&](Kind kind) {
        return [this, kind](Seen const& one) { return holds(legs_[one.leg], kind); };
    };
    // A leg that was away is no authority: it may hold keys that were destroyed since.
    auto data = std::ranges::max_element(seen, {}, [&](Seen const& one) {
        return std::tuple(has(Kind::data)(one), one.complete_keys, one.complete_data,
                          one.complete_people);
    });
    if (data == seen.end() || !has(Kind::data)(*data))
        return fail(Fault::unavailable, "no destination is healthy");
    auto keys = data;
    if (!has(Kind::keys)(*data)) {
        keys = std::ranges::max_element(seen, {}, [&](Seen const& one) {
            return std::tuple(has(Kind::keys)(one), one.complete_keys, one.complete_people);
        });
        if (!has(Kind::keys)(*keys)) keys = seen.end();
    }
    for (Seen const& one : seen) {
        bool const other_keys = keys != seen.end() && one.leg != keys->leg;
        if (other_keys && has(Kind::keys)(one)) PD_CHECK(compare_keys(one, *keys, stop));
        if (one.leg != data->leg && has(Kind::data)(one)) PD_CHECK(compare_data(one, *data, stop));
    }
    return {};
}

namespace {

Error lacks(std::size_t count) {
    return fail(Fault::conflict, fmt::format("it lacks {} objects", count))
        .with_fix("run `perdure backup sync`");
}

}  // namespace

/// How much of what the authority shows a leg lacks; one that does not answer is degraded.
Result<std::optional<std::size_t>> MirrorStore::missing_at(std::size_t leg,
                                                           std::vector<std::string> const& wanted,
                                                           std::vector<std::string> const& names,
                                                           std::stop_token const& stop) {
    auto missing = count_missing(*legs_[leg].made.store, wanted, names, stop);
    if (missing) return std::optional<std::size_t>(*missing);
    if (missing.error().fault() == Fault::cancelled) return missing.error();
    degrade(leg, std::move(missing).error());
    return std::optional<std::size_t>();
}

Result<void> MirrorStore::compare_data(Seen const& one, Seen const& authority,
                                       std::stop_token const& stop) {
    PD_TRY(auto const missing, missing_at(one.leg, authority.data, one.data, stop));
    if (missing && *missing > 0) lag(one.leg, lacks(*missing));
    return {};
}

Result<void> MirrorStore::compare_keys(Seen const& one, Seen const& authority,
                                       std::stop_token const& stop) {
    PD_TRY(auto const missing, missing_at(one.leg, authority.keys, one.keys, stop));
    if (!missing) return {};
    if (*missing == 0) return compare_keyring(one.leg, authority.leg, authority.keys, stop);
    degrade(one.leg, lacks(*missing));
    return {};
}

namespace {

/// Whether two bodies are the same object, one of them perhaps damaged: that is the keyring's and
/// repair's business. What is kept three times shares a whole third then; what is kept once with
/// parity behind it (docs/FORMAT.md "three copies") shares most of its bytes, and two sealed bodies
/// share next to none.
bool is_one_object(ByteView a, ByteView b) {
    if (a.size() != b.size()) return false;
    std::size_t const third = a.size() / 3;
    for (std::size_t at = 0; third > 0 && at < 3; ++at) {
        auto const one = a.subspan(at * third, third), other = b.subspan(at * third, third);
        if (same_bytes(one, other)) return true;
    }
    if (!as_text(a).starts_with("PD1P")) return false;
    std::size_t same = 0;
    for (std::size_t at = 0; at < a.size(); ++at) same += a[at] == b[at] ? 1 : 0;
    return same * 2 > a.size();
}

}  // namespace

/// Two legs that were changed apart from each other hold different manifests of one epoch.
Result<void> MirrorStore::compare_keyring(std::size_t leg, std::size_t authority,
                                          std::vector<std::string> const& names,
                                          std::stop_token const& stop) {
    std::string const newest = newest_manifest(names);
    if (newest.empty()) return {};
    auto const ours = read_all(*legs_[leg].made.store, newest, manifest_bytes_max, stop);
    auto const theirs = read_all(*legs_[authority].made.store, newest, manifest_bytes_max, stop);
    for (auto const* read : {&ours, &theirs}) {
        if (!*read && read->error().fault() == Fault::cancelled) return read->error();
    }
    if (!ours || !theirs || is_one_object(*ours, *theirs)) return {};
    degrade(leg, fail(Fault::conflict, "its keyring was changed apart from the others: a fork")
                     .with_fix("perdure key merge"));
    return {};
}

}  // namespace perdure::store
