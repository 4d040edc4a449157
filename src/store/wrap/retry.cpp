#include "store/wrap/retry.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <unordered_set>

#include "store/wrap/forward.h"

namespace perdure::store {

namespace {

bool really_wait(std::chrono::milliseconds delay, std::stop_token stop) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, delay, [] { return false; });
    return !stop.stop_requested();
}

bool is_worth_repeating(Error const& error) {
    return error.fault() == Fault::unavailable;
}

class RetryingStore : public ForwardingStore {
public:
    RetryingStore(std::shared_ptr<ObjectStore> store, RetryOptions options)
        : ForwardingStore(std::move(store)), options_(std::move(options)) {
        if (options_.random == nullptr) options_.random = &system::real_random();
        if (!options_.wait) options_.wait = really_wait;
    }

    Result<Bytes> read(ObjectName const& name, std::uint64_t offset_bytes,
                       std::uint64_t count_bytes, std::stop_token stop) override {
        return repeat(stop, [&] { return inner().read(name, offset_bytes, count_bytes, stop); });
    }
    Result<void> put(ObjectName const& name, ByteView body, PutMode mode,
                     std::stop_token stop) override {
        bool maybe_ours = false;
        auto done = repeat(stop, [&]() -> Result<void> {
            auto attempt = inner().put(name, body, mode, stop);
            maybe_ours = maybe_ours || (!attempt && is_worth_repeating(attempt.error()));
            return attempt;
        });
        if (done || done.error().fault() != Fault::conflict || !maybe_ours) return done;
        PD_TRY(bool const ours, repeat(stop, [&] { return holds(name, body, stop); }));
        if (ours) return {};
        return done;
    }
    Result<ObjectInfo> head(ObjectName const& name, std::stop_token stop) override {
        return repeat(stop, [&] { return inner().head(name, stop); });
    }
    Result<void> list(std::string const& prefix,
                      std::function<Result<void>(ObjectInfo const&)> each,
                      std::stop_token stop) override;
    Result<void> remove(ObjectName const& name, std::stop_token stop) override {
        return repeat(stop, [&] { return inner().remove(name, stop); });
    }
    Result<Timestamp> now(std::stop_token stop) override {
        return repeat(stop, [&] { return inner().now(stop); });
    }

private:
    template <typename Attempt>
    auto repeat(std::stop_token const& stop, Attempt attempt) -> decltype(attempt());
    std::chrono::milliseconds delay_after(unsigned attempt);
    Result<bool> holds(ObjectName const& name, ByteView body, std::stop_token const& stop);

    RetryOptions options_;
};

template <typename Attempt>
auto RetryingStore::repeat(std::stop_token const& stop, Attempt attempt) -> decltype(attempt()) {
    for (unsigned number = 1;; ++number) {
        auto result = attempt();
        if (result || !is_worth_repeating(result.error()) || number >= options_.attempts_max)
            return result;
        if (options_.on_retry) options_.on_retry(result.error(), number);
        if (!options_.wait(delay_after(number), stop)) return fail(Fault::cancelled, "stopped");
    }
}

/// Half fixed, half random: clients that failed together do not come back together.
std::chrono::milliseconds RetryingStore::delay_after(unsigned attempt) {
    auto const doubled = options_.delay_first * (std::int64_t{1} << std::min(attempt - 1, 20u));
    auto const whole = std::min<std::chrono::milliseconds>(doubled, options_.delay_max);
    std::uint32_t random = 0;
    options_.random->fill(ByteSpan(reinterpret_cast<std::byte*>(&random), sizeof random));
    return whole / 2 + std::chrono::milliseconds(random % (whole.count() / 2 + 1));
}

Result<bool> RetryingStore::holds(ObjectName const& name, ByteView body,
                                  std::stop_token const& stop) {
    auto const stored = read_all(inner(), name, body.size(), stop);
    if (stored) return same_bytes(*stored, body);
    Fault const fault = stored.error().fault();
    if (fault == Fault::exhausted || fault == Fault::not_found) return false;
    return stored.error();
}

/// A listing that broke off starts again, but nobody is told a name twice. Hashes of names are kept
/// instead of names: 8 bytes against 90 each.
Result<void> RetryingStore::list(std::string const& prefix,
                                 std::function<Result<void>(ObjectInfo const&)> each,
                                 std::stop_token stop) {
    std::unordered_set<std::size_t> told;
    bool refused = false;  // an error of `each` is the caller's own and must not be repeated
    Result<void> outcome;
    auto const once = [&](ObjectInfo const& info) -> Result<void> {
        if (!told.insert(std::hash<std::string>{}(info.name)).second) return {};
        outcome = each(info);
        refused = !outcome;
        return outcome;
    };
    auto result = repeat(stop, [&]() -> Result<void> {
        auto listed = inner().list(prefix, once, stop);
        if (refused) return {};
        return listed;
    });
    return refused ? outcome : result;
}

}  // namespace

std::shared_ptr<ObjectStore> with_retry(std::shared_ptr<ObjectStore> store, RetryOptions options) {
    return std::make_shared<RetryingStore>(std::move(store), std::move(options));
}

}  // namespace perdure::store
