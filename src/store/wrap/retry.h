#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "store/object_store.h"
#include "system/random.h"

namespace perdure::store {

struct RetryOptions {
    unsigned attempts_max = 6;                   ///< the first one included
    std::chrono::milliseconds delay_first{200};  ///< doubles each time, jittered by half
    std::chrono::milliseconds delay_max{30'000};
    system::Random* random = nullptr;  ///< null: the real one
    /// Waits; false when stopped. Null: really waits. Tests bring their own.
    std::function<bool(std::chrono::milliseconds, std::stop_token)> wait;
    /// Told of each failure that will be retried. Null: nobody.
    std::function<void(Error const& error, unsigned attempt)> on_retry;
};

/// Repeats what failed with unavailable; every other fault is final at once. A put-if-absent that
/// finds "its" name taken after a lost response compares the bodies: its own body is success.
std::shared_ptr<ObjectStore> with_retry(std::shared_ptr<ObjectStore> store, RetryOptions options);

}  // namespace perdure::store
