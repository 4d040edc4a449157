#include "tests/simulation/hostile_store.h"

#include "crypto/hash.h"
#include "repository/triple.h"

namespace perdure::simulation {

namespace {
constexpr int tries = 3;

Error refused() {
    return fail(Fault::unavailable, "the store did not answer");
}

bool is_tombstone_object(ByteView object) {
    return object.size() == repository::tombstone_object_bytes;
}
}  // namespace

Result<HostileStore::Fate> HostileStore::enter(bool changes) {
    if (current_is_dead()) return fail(Fault::cancelled, "the process is dead");
    scheduler_.yield();
    if (scheduler_.current() >= 0 && random_.chance(hostility.stall)) {
        auto const hours_too = random_.chance(50);
        scheduler_.sleep(std::chrono::seconds(random_.below(hours_too ? 30 * 3600 : 900)));
    }
    deliver(false);
    if (scheduler_.current() >= 0 && random_.chance(hostility.crash)) {
        crash_current();
        return fail(Fault::cancelled, "the process died");
    }
    if (random_.chance(hostility.refused)) return Fate::refused;
    if (changes && random_.chance(hostility.lost_answer)) return Fate::lost_answer;
    if (changes && random_.chance(hostility.delayed)) return Fate::delayed;
    return Fate::normal;
}

void HostileStore::set(store::ObjectName const& name, std::shared_ptr<Object const> object) {
    auto const at = objects_.find(name);
    history_.push_back({scheduler_.now(), name, at == objects_.end() ? nullptr : at->second});
    if (object) {
        if (!is_tombstone_object(*object->body)) {
            versions_[name].insert(crypto::sha256(*object->body));
        }
        objects_.insert_or_assign(name, std::move(object));
    } else {
        objects_.erase(name);
    }
}

Result<void> HostileStore::apply(store::ObjectName const& name, std::shared_ptr<Bytes const> body,
                                 store::PutMode mode) {
    if (mode == store::PutMode::if_absent && !broken.put_if_absent && objects_.contains(name)) {
        return fail(Fault::conflict, name + " exists");
    }
    if (broken.tombstones && is_tombstone_object(*body) && mode == store::PutMode::replace) {
        set(name, nullptr);
        return {};
    }
    set(name, std::make_shared<Object const>(Object{std::move(body), scheduler_.now()}));
    return {};
}

void HostileStore::deliver(bool all) {
    for (std::size_t i = 0; i < delayed_.size();) {
        if (!all && delayed_[i].due > scheduler_.now()) {
            ++i;
            continue;
        }
        Delayed const late = delayed_[i];
        delayed_.erase(delayed_.begin() + static_cast<std::ptrdiff_t>(i));
        static_cast<void>(apply(late.name, late.body, late.mode).has_value());
    }
}

void HostileStore::calm() {
    deliver(true);
    hostility = {0, 0, 0, 0, 0, 0};
    history_.clear();
    dead_.clear();
}

std::map<store::ObjectName, Bytes> HostileStore::contents(std::string const& prefix) const {
    std::map<store::ObjectName, Bytes> found;
    for (auto at = objects_.lower_bound(prefix);
         at != objects_.end() && at->first.starts_with(prefix); ++at) {
        found.emplace(at->first, *at->second->body);
    }
    return found;
}

std::set<crypto::Digest> const* HostileStore::versions(store::ObjectName const& name) const {
    auto const at = versions_.find(name);
    return at == versions_.end() ? nullptr : &at->second;
}

Result<Bytes> HostileStore::read(store::ObjectName const& name, std::uint64_t offset_bytes,
                                 std::uint64_t count_bytes, std::stop_token) {
    PD_TRY(Fate const fate, enter(false));
    if (fate == Fate::refused) return refused();
    auto const at = objects_.find(name);
    if (at == objects_.end()) return fail(Fault::not_found, "no " + name);
    Bytes const& body = *at->second->body;
    if (offset_bytes > body.size() || count_bytes > body.size() - offset_bytes) {
        return fail(Fault::invalid, "past the end of " + name);
    }
    return to_bytes(ByteView(body).subspan(offset_bytes, count_bytes));
}

Result<void> HostileStore::put(store::ObjectName const& name, ByteView body, store::PutMode mode,
                               std::stop_token) {
    PD_CHECK(store::check_name(name));
    PD_TRY(Fate const fate, enter(true));
    if (fate == Fate::refused) return refused();
    auto shared = std::make_shared<Bytes const>(to_bytes(body));
    if (fate == Fate::delayed) {
        auto const delay = std::chrono::seconds(
            random_.below(static_cast<std::uint64_t>(hostility.delay_max.count())));
        delayed_.push_back({scheduler_.now() + delay, name, std::move(shared), mode});
        return refused();
    }
    PD_CHECK(apply(name, std::move(shared), mode));
    if (fate == Fate::lost_answer) return refused();
    return {};
}

Result<store::ObjectInfo> HostileStore::head(store::ObjectName const& name, std::stop_token) {
    PD_TRY(Fate const fate, enter(false));
    if (fate == Fate::refused) return refused();
    auto const at = objects_.find(name);
    if (at == objects_.end()) return fail(Fault::not_found, "no " + name);
    return store::ObjectInfo{name, at->second->body->size(), at->second->modified};
}

std::map<store::ObjectName, std::shared_ptr<HostileStore::Object const>> HostileStore::view(
    std::string const& prefix) {
    std::map<store::ObjectName, std::shared_ptr<Object const>> seen;
    for (auto at = objects_.lower_bound(prefix);
         at != objects_.end() && at->first.starts_with(prefix); ++at) {
        seen.insert(*at);
    }
    if (!random_.chance(hostility.stale_listing)) return seen;
    auto const lag = std::chrono::seconds(
        random_.below(static_cast<std::uint64_t>(hostility.listing_lag.count())));
    for (auto change = history_.rbegin(); change != history_.rend(); ++change) {
        if (scheduler_.now() - change->when > lag) break;
        if (!change->name.starts_with(prefix)) continue;
        if (change->before) {
            seen.insert_or_assign(change->name, change->before);
        } else {
            seen.erase(change->name);
        }
    }
    return seen;
}

Result<void> HostileStore::list(std::string const& prefix,
                                std::function<Result<void>(store::ObjectInfo const&)> each,
                                std::stop_token) {
    PD_TRY(Fate const fate, enter(false));
    if (fate == Fate::refused) return refused();
    for (auto const& [name, object] : view(prefix)) {
        PD_CHECK(each({name, object->body->size(), object->modified}));
    }
    return {};
}

Result<void> HostileStore::remove(store::ObjectName const& name, std::stop_token) {
    PD_TRY(Fate const fate, enter(true));
    if (fate == Fate::refused || fate == Fate::delayed) return refused();
    if (objects_.contains(name)) set(name, nullptr);
    if (fate == Fate::lost_answer) return refused();
    return {};
}

Result<Bytes> Retrying::read(store::ObjectName const& name, std::uint64_t offset_bytes,
                             std::uint64_t count_bytes, std::stop_token stop) {
    for (int left = tries;; --left) {
        auto done = inner_->read(name, offset_bytes, count_bytes, stop);
        if (done || done.error().fault() != Fault::unavailable || left == 1) return done;
    }
}

Result<void> Retrying::put(store::ObjectName const& name, ByteView body, store::PutMode mode,
                           std::stop_token stop) {
    for (int left = tries;; --left) {
        auto done = inner_->put(name, body, mode, stop);
        if (done || done.error().fault() != Fault::unavailable || left == 1) return done;
    }
}

Result<store::ObjectInfo> Retrying::head(store::ObjectName const& name, std::stop_token stop) {
    for (int left = tries;; --left) {
        auto done = inner_->head(name, stop);
        if (done || done.error().fault() != Fault::unavailable || left == 1) return done;
    }
}

Result<void> Retrying::list(std::string const& prefix,
                            std::function<Result<void>(store::ObjectInfo const&)> each,
                            std::stop_token stop) {
    for (int left = tries;; --left) {
        auto done = inner_->list(prefix, each, stop);
        if (done || done.error().fault() != Fault::unavailable || left == 1) return done;
    }
}

Result<void> Retrying::remove(store::ObjectName const& name, std::stop_token stop) {
    for (int left = tries;; --left) {
        auto done = inner_->remove(name, stop);
        if (done || done.error().fault() != Fault::unavailable || left == 1) return done;
    }
}

}  // namespace perdure::simulation
