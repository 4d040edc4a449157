#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "store/object_store.h"

namespace perdure::store {

/// Hands out bytes at a steady rate. A request larger than what is saved up goes into debt and
/// waits until it is paid, so any size passes and the mean rate holds; a second's worth can be
/// saved up. Threads: any; they queue on the same debt.
class TokenBucket {
public:
    /// 0: no limit.
    explicit TokenBucket(std::uint64_t bytes_per_second);
    /// Fails: cancelled.
    Result<void> take(std::uint64_t count_bytes, std::stop_token stop);

private:
    using Clock = std::chrono::steady_clock;
    double rate_;
    std::mutex mutex_;
    std::condition_variable_any never_;
    Clock::time_point free_at_;  ///< when the debt is paid
};

struct ThrottleOptions {
    std::uint64_t upload_bytes_per_second = 0;    ///< 0: no limit
    std::uint64_t download_bytes_per_second = 0;  ///< 0: no limit
};

std::shared_ptr<ObjectStore> with_throttle(std::shared_ptr<ObjectStore> store,
                                           ThrottleOptions options);

}  // namespace perdure::store
