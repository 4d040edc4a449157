#pragma once

#include "base/time.h"

namespace perdure::system {

/// Where "now" comes from; tests and simulations bring their own.
/// Threads: any.
class Clock {
public:
    virtual ~Clock() = default;
    virtual Timestamp now() const = 0;
};
Clock const& real_clock();

}  // namespace perdure::system
