#pragma once

#include "base/bytes.h"

namespace perdure::system {

/// Where unpredictable bytes come from; simulations bring a seeded one.
/// Threads: any.
class Random {
public:
    virtual ~Random() = default;
    virtual void fill(ByteSpan into) = 0;
    template <typename Id>
    Id draw() {
        Id id;
        fill(id.bytes);
        return id;
    }
};
/// getrandom(2); aborts where the kernel refuses.
Random& real_random();

}  // namespace perdure::system
