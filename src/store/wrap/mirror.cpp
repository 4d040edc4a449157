#include "store/wrap/mirror.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

namespace perdure::store {

namespace {

constexpr std::string_view snapshot_prefix = "snapshot/";
constexpr std::string_view manifest_prefix = "keyring/m/";
constexpr char const* compared_prefixes[] = {"index/", "keyring/a/", "keyring/m/", "pack/",
                                             "snapshot/"};
constexpr std::uint64_t manifest_bytes_max = 64u << 20;

/// Names of these stay for ever (what is deleted becomes a tombstone): a leg that lacks one that
/// another has was away.
bool is_lasting(std::string_view name) {
    return name.starts_with(snapshot_prefix) || name.starts_with(manifest_prefix);
}

Result<std::vector<std::string>> names_of(ObjectStore& store, std::stop_token const& stop) {
    std::vector<std::string> names;
    for (char const* prefix : compared_prefixes) {
        PD_CHECK(store.list(
            prefix,
            [&](ObjectInfo const& info) -> Result<void> {
                names.push_back(info.name);
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
        }
        leg.made = std::move(made);
        legs_.push_back(std::move(leg));
    }
}

/// Healthy legs first, then (for reading) the degraded ones that are open.
std::vector<std::size_t> MirrorStore::in_order(bool healthy_only) const {
    std::vector<std::size_t> order;
    std::lock_guard const lock(mutex_);
    for (std::size_t i = 0; i < legs_.size(); ++i)
        if (!legs_[i].degraded) order.push_back(i);
    if (healthy_only) return order;
    for (std::size_t i = 0; i < legs_.size(); ++i)
        if (legs_[i].degraded && legs_[i].made.store != nullptr) order.push_back(i);
    return order;
}

bool MirrorStore::is_healthy(std::size_t leg) const {
    std::lock_guard const lock(mutex_);
    return !legs_[leg].degraded;
}

void MirrorStore::degrade(std::size_t leg, Error error) {
    std::lock_guard const lock(mutex_);
    legs_[leg].degraded = true;
    if (!legs_[leg].error) legs_[leg].error = std::move(error);
}

/// Asks one leg after the other. A healthy leg that does not answer is degraded, so that the next
/// one has the authority from now on; what a healthy leg does not have, the mirror does not have.
template <typename Attempt>
auto MirrorStore::first_that_can(Attempt attempt)
    -> decltype(attempt(std::declval<ObjectStore&>())) {
    std::optional<Error> silent, absent, other;
    for (std::size_t const i : in_order(false)) {
        auto result = attempt(*legs_[i].made.store);
        if (result) return result;
        Fault const fault = result.error().fault();
        if (fault == Fault::cancelled) return result;
        if (fault == Fault::unavailable) {
            if (!silent) silent = result.error();
            if (is_healthy(i)) degrade(i, result.error());
        } else if (fault != Fault::not_found) {
            if (!other) other = result.error();
        } else if (is_healthy(i) && !absent) {
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
    return first_that_can(
        [&](ObjectStore& leg) { return leg.read(name, offset_bytes, count_bytes, stop); });
}

Result<ObjectInfo> MirrorStore::head(ObjectName const& name, std::stop_token stop) {
    PD_CHECK(check_name(name));
    return first_that_can([&](ObjectStore& leg) { return leg.head(name, stop); });
}

/// A leg that fails before it told a name is replaced by the next; it also loses its authority, so
/// that whoever lists here and whoever decides puts stay the same leg.
Result<void> MirrorStore::list(std::string const& prefix,
                               std::function<Result<void>(ObjectInfo const&)> each,
                               std::stop_token stop) {
    bool told = false;
    auto const noting = [&](ObjectInfo const& info) {
        told = true;
        return each(info);
    };
    Result<void> outcome;
    for (std::size_t const i : in_order(false)) {
        outcome = legs_[i].made.store->list(prefix, noting, stop);
        if (outcome || told || outcome.error().fault() == Fault::cancelled) return outcome;
        degrade(i, outcome.error());
    }
    return outcome;
}

Result<Timestamp> MirrorStore::now(std::stop_token stop) {
    return first_that_can([&](ObjectStore& leg) { return leg.now(stop); });
}

Result<void> MirrorStore::put_at(std::size_t leg, ObjectName const& name, ByteView body,
                                 PutMode mode, std::stop_token const& stop) {
    PD_CHECK(legs_[leg].made.store->put(name, body, mode, stop));
    std::lock_guard const lock(mutex_);
    ++legs_[leg].objects_put;
    legs_[leg].bytes_put += body.size();
    return {};
}

/// The authority accepted the object. A leg that has it already, byte for byte, needs nothing.
Result<void> MirrorStore::copy_to(std::size_t leg, ObjectName const& name, ByteView body,
                                  PutMode mode, std::stop_token const& stop) {
    auto done = put_at(leg, name, body, mode, stop);
    if (done || done.error().fault() != Fault::conflict) return done;
    auto const held = read_all(*legs_[leg].made.store, name, body.size(), stop);
    if (held && std::ranges::equal(*held, body)) return {};
    return fail(Fault::conflict, fmt::format("{} holds another {}", legs_[leg].made.name, name));
}

Result<void> MirrorStore::put(ObjectName const& name, ByteView body, PutMode mode,
                              std::stop_token stop) {
    PD_CHECK(check_name(name));
    bool decided = false;
    Result<void> outcome = fail(Fault::unavailable, "no destination is healthy");
    for (std::size_t const i : in_order(true)) {
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
    for (std::size_t i = 0; i < legs_.size(); ++i) {
        Result<void> done = fail(Fault::unavailable, "not open");
        if (legs_[i].made.store != nullptr) done = legs_[i].made.store->remove(name, stop);
        if (!done && outcome)
            outcome = std::move(done).error().within(fmt::format("on {}", legs_[i].made.name));
    }
    return outcome;
}

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
        text += text.ends_with("of") ? " " : ", ";
        text += leg.made.store != nullptr ? leg.made.store->describe() : leg.made.name;
    }
    return text;
}

std::vector<ObjectStore*> MirrorStore::legs() {
    std::vector<ObjectStore*> open;
    for (auto const& leg : legs_)
        if (leg.made.store != nullptr) open.push_back(leg.made.store.get());
    return open;
}

std::vector<LegHealth> MirrorStore::health() const {
    std::vector<LegHealth> report;
    std::lock_guard const lock(mutex_);
    for (auto const& leg : legs_) {
        report.push_back({leg.made.name, leg.degraded, leg.error, leg.objects_put, leg.bytes_put});
    }
    return report;
}

Result<void> MirrorStore::compare_legs(std::stop_token stop) {
    struct Seen {
        std::size_t leg = 0;
        std::vector<std::string> names;
    };
    std::vector<Seen> seen;
    std::set<std::string> all_lasting;
    for (std::size_t const i : in_order(true)) {
        auto names = names_of(*legs_[i].made.store, stop);
        if (!names) {
            if (names.error().fault() == Fault::cancelled) return names.error();
            degrade(i, std::move(names).error());
            continue;
        }
        for (std::string const& name : *names)
            if (is_lasting(name)) all_lasting.insert(name);
        seen.push_back({i, std::move(*names)});
    }
    if (seen.empty()) return fail(Fault::unavailable, "no destination is healthy");
    std::vector<std::string> const lasting(all_lasting.begin(), all_lasting.end());
    auto const lacks = [&](Seen const& one, std::vector<std::string> const& wanted) {
        return count_missing(*legs_[one.leg].made.store, wanted, one.names, stop);
    };
    // A leg that was away is no authority: it may hold keys that were destroyed since.
    auto authority = std::ranges::find_if(seen, [&](Seen const& one) {
        auto const missing = lacks(one, lasting);
        return missing && *missing == 0;
    });
    if (authority == seen.end()) authority = seen.begin();
    for (Seen const& one : seen) {
        if (one.leg == authority->leg) continue;
        auto missing = lacks(one, authority->names);
        if (!missing) {
            if (missing.error().fault() == Fault::cancelled) return missing.error();
            degrade(one.leg, std::move(missing).error());
        } else if (*missing > 0) {
            degrade(one.leg, fail(Fault::conflict, fmt::format("it lacks {} objects", *missing))
                                 .with_fix("run `perdure backup sync`"));
        } else {
            PD_CHECK(compare_keyring(one.leg, authority->leg, authority->names, stop));
        }
    }
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
        if (std::ranges::equal(one, other)) return true;
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
    std::string newest;
    for (std::string const& name : names) {
        if (!name.starts_with(manifest_prefix)) continue;
        if (std::pair(name.size(), name) > std::pair(newest.size(), newest)) newest = name;
    }
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

std::vector<std::string> MirrorStore::absent_legs() const {
    std::vector<std::string> absent;
    for (auto const& leg : legs_)
        if (leg.made.store == nullptr) absent.push_back(leg.made.name);
    return absent;
}

void MirrorStore::restore_leg(std::string const& name) {
    std::lock_guard const lock(mutex_);
    for (auto& leg : legs_) {
        if (leg.made.name != name || leg.made.store == nullptr) continue;
        leg.degraded = false;
        leg.error.reset();
    }
}

}  // namespace perdure::store
