#include "store/memory/memory_store.h"

#include <fmt/core.h>

#include <vector>

namespace perdure::store {

MemoryStore::MemoryStore(MemoryOptions options) : options_(std::move(options)) {
    if (options_.clock == nullptr) options_.clock = &system::real_clock();
}

Result<void> MemoryStore::check(ObjectName const& name, std::stop_token const& stop) const {
    PD_CHECK(check_name(name));
    if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
    return {};
}

Result<Bytes> MemoryStore::read(ObjectName const& name, std::uint64_t offset_bytes,
                                std::uint64_t count_bytes, std::stop_token stop) {
    PD_CHECK(check(name, stop));
    std::shared_ptr<Bytes const> body;
    {
        std::lock_guard const lock(mutex_);
        auto const found = objects_.find(name);
        if (found == objects_.end()) return fail(Fault::not_found, fmt::format("no {}", name));
        body = found->second.body;
    }
    if (offset_bytes > body->size() || count_bytes > body->size() - offset_bytes)
        return fail(Fault::invalid, fmt::format("a read past the end of {}", name));
    return to_bytes(ByteView(*body).subspan(offset_bytes, count_bytes));
}

Result<void> MemoryStore::put(ObjectName const& name, ByteView body, PutMode mode,
                              std::stop_token stop) {
    PD_CHECK(check(name, stop));
    if (mode == PutMode::if_absent && !options_.capabilities.put_if_absent)
        return fail(Fault::unsupported, "this store knows no put-if-absent");
    Object object{std::make_shared<Bytes const>(to_bytes(body)), options_.clock->now()};
    std::lock_guard const lock(mutex_);
    auto const found = objects_.find(name);
    bool const is_there = found != objects_.end();
    if (is_there && mode == PutMode::if_absent)
        return fail(Fault::conflict, fmt::format("{} exists", name));
    std::uint64_t const before = is_there ? found->second.body->size() : 0;
    if (size_bytes_ - before + body.size() > options_.size_bytes_max)
        return fail(Fault::exhausted, "the store is full");
    size_bytes_ += body.size() - before;
    objects_[name] = std::move(object);
    return {};
}

Result<ObjectInfo> MemoryStore::head(ObjectName const& name, std::stop_token stop) {
    PD_CHECK(check(name, stop));
    std::lock_guard const lock(mutex_);
    auto const found = objects_.find(name);
    if (found == objects_.end()) return fail(Fault::not_found, fmt::format("no {}", name));
    return ObjectInfo{name, found->second.body->size(), found->second.modified};
}

Result<void> MemoryStore::list(std::string const& prefix,
                               std::function<Result<void>(ObjectInfo const&)> each,
                               std::stop_token stop) {
    std::vector<ObjectInfo> found;  // `each` may call us again, so it runs without the lock
    {
        std::lock_guard const lock(mutex_);
        for (auto it = objects_.lower_bound(prefix);
             it != objects_.end() && it->first.starts_with(prefix); ++it)
            found.push_back({it->first, it->second.body->size(), it->second.modified});
    }
    for (auto const& info : found) {
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        PD_CHECK(each(info));
    }
    return {};
}

Result<void> MemoryStore::remove(ObjectName const& name, std::stop_token stop) {
    PD_CHECK(check(name, stop));
    if (!options_.capabilities.removes)
        return fail(Fault::denied, "this store lets nothing be removed");
    std::lock_guard const lock(mutex_);
    auto const found = objects_.find(name);
    if (found == objects_.end()) return {};
    size_bytes_ -= found->second.body->size();
    objects_.erase(found);
    return {};
}

Result<Timestamp> MemoryStore::now(std::stop_token) {
    return options_.clock->now();
}

void MemoryStore::tamper(ObjectName const& name, std::function<void(Bytes&)> change) {
    std::lock_guard const lock(mutex_);
    auto& object = objects_.at(name);
    Bytes body = *object.body;
    size_bytes_ -= body.size();
    change(body);
    size_bytes_ += body.size();
    object.body = std::make_shared<Bytes const>(std::move(body));
}

void MemoryStore::age(ObjectName const& name, std::chrono::seconds by) {
    std::lock_guard const lock(mutex_);
    auto& object = objects_.at(name);
    object.modified = object.modified + -by;
}

}  // namespace perdure::store
