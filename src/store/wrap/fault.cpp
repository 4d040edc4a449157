#include "store/wrap/fault.h"

#include <condition_variable>

namespace perdure::store {

namespace {
using Kind = Mishap::Kind;

Error failure_of(Mishap const& mishap) {
    return fail(mishap.fault, "a fault made by a test");
}

void spoil(Bytes& bytes, Mishap const& mishap) {
    if (mishap.kind == Kind::truncate && mishap.amount < bytes.size()) bytes.resize(mishap.amount);
    if (mishap.kind == Kind::flip && !bytes.empty()) {
        auto const bit = mishap.amount % (bytes.size() * 8);
        bytes[bit / 8] ^= std::byte(1u << (bit % 8));
    }
}
}  // namespace

FaultStore::FaultStore(std::shared_ptr<ObjectStore> store, MishapScript script)
    : ForwardingStore(std::move(store)), script_(std::move(script)) {}

void FaultStore::set_script(MishapScript script) {
    std::lock_guard const lock(mutex_);
    script_ = std::move(script);
}

Result<Mishap> FaultStore::next(Operation operation, ObjectName const& name,
                                std::stop_token const& stop) {
    auto const number = ++calls_;
    Mishap mishap;
    {
        std::lock_guard const lock(mutex_);
        if (script_) mishap = script_(operation, name, number);
    }
    if (mishap.delay.count() > 0) {
        std::mutex waiting;
        std::condition_variable_any never;
        std::unique_lock lock(waiting);
        never.wait_for(lock, stop, mishap.delay, [] { return false; });
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
    }
    if (mishap.kind == Kind::refuse) return failure_of(mishap);
    return mishap;
}

Result<Bytes> FaultStore::read(ObjectName const& name, std::uint64_t offset_bytes,
                               std::uint64_t count_bytes, std::stop_token stop) {
    PD_TRY(Mishap const mishap, next(Operation::read, name, stop));
    PD_TRY(Bytes bytes, inner().read(name, offset_bytes, count_bytes, stop));
    if (mishap.kind == Kind::lose_response) return failure_of(mishap);
    spoil(bytes, mishap);
    return bytes;
}

Result<void> FaultStore::put(ObjectName const& name, ByteView body, PutMode mode,
                             std::stop_token stop) {
    PD_TRY(Mishap const mishap, next(Operation::put, name, stop));
    if (mishap.kind == Kind::lie) return {};
    Bytes stored = to_bytes(body);
    spoil(stored, mishap);
    PD_CHECK(inner().put(name, stored, mode, stop));
    if (mishap.kind == Kind::lose_response) return failure_of(mishap);
    return {};
}

Result<ObjectInfo> FaultStore::head(ObjectName const& name, std::stop_token stop) {
    PD_CHECK(next(Operation::head, name, stop));
    return inner().head(name, stop);
}

Result<void> FaultStore::list(std::string const& prefix,
                              std::function<Result<void>(ObjectInfo const&)> each,
                              std::stop_token stop) {
    PD_TRY(Mishap const mishap, next(Operation::list, prefix, stop));
    std::uint64_t told = 0;
    PD_CHECK(inner().list(
        prefix,
        [&](ObjectInfo const& info) -> Result<void> {
            if (mishap.kind == Kind::lose_response && told == mishap.amount)
                return failure_of(mishap);  // the listing breaks off after `amount` names
            if (mishap.kind == Kind::truncate && told >= mishap.amount) return {};
            ++told;
            return each(info);
        },
        stop));
    return {};
}

Result<void> FaultStore::remove(ObjectName const& name, std::stop_token stop) {
    PD_TRY(Mishap const mishap, next(Operation::remove, name, stop));
    if (mishap.kind == Kind::lie) return {};
    PD_CHECK(inner().remove(name, stop));
    if (mishap.kind == Kind::lose_response) return failure_of(mishap);
    return {};
}

Result<Timestamp> FaultStore::now(std::stop_token stop) {
    PD_CHECK(next(Operation::now, "", stop));
    return inner().now(stop);
}

MishapScript nth(Operation operation, std::uint64_t n, Mishap mishap) {
    auto seen = std::make_shared<std::uint64_t>(0);
    return [=](Operation called, ObjectName const&, std::uint64_t) {
        return called == operation && ++*seen == n ? mishap : Mishap{};
    };
}

MishapScript always(Operation operation, std::string prefix, Mishap mishap) {
    return
        [=, prefix = std::move(prefix)](Operation called, ObjectName const& name, std::uint64_t) {
            return called == operation && name.starts_with(prefix) ? mishap : Mishap{};
        };
}

}  // namespace perdure::store
