#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

#include "store/object_store.h"

namespace perdure::store {

/// A limit in bytes a second; 0: none. Asked for again at every use, since it may change by the
/// hour.
class Rate {
public:
    Rate(std::uint64_t bytes_per_second = 0) : steady_(bytes_per_second) {}
    /// Threads: `now` is called from any.
    explicit Rate(std::function<std::uint64_t()> now) : now_(std::move(now)) {}
    std::uint64_t now() const { return now_ ? now_() : steady_; }
    bool never_limits() const { return !now_ && steady_ == 0; }

private:
    std::uint64_t steady_ = 0;
    std::function<std::uint64_t()> now_;
};

/// Hands out bytes at a steady rate. A request larger than what is saved up goes into debt and
/// waits until it is paid, so any size passes and the mean rate holds; a second's worth can be
/// saved up. Threads: any; they queue on the same debt.
class TokenBucket {
public:
    explicit TokenBucket(Rate bytes_per_second);
    /// Fails: cancelled.
    Result<void> take(std::uint64_t count_bytes, std::stop_token stop);

private:
    using Clock = std::chrono::steady_clock;
    Rate rate_;
    std::mutex mutex_;
    std::condition_variable_any never_;
    Clock::time_point free_at_;  ///< when the debt is paid
};

struct ThrottleOptions {
    Rate upload_bytes_per_second;
    Rate download_bytes_per_second;
};

std::shared_ptr<ObjectStore> with_throttle(std::shared_ptr<ObjectStore> store,
                                           ThrottleOptions const& options);

}  // namespace perdure::store
