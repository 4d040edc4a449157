#include "system/clock.h"

#include <chrono>

namespace perdure::system {

namespace {
class RealClock : public Clock {
public:
    Timestamp now() const override { return to_timestamp(std::chrono::system_clock::now()); }
};
}  // namespace

Clock const& real_clock() {
    static RealClock const clock;
    return clock;
}

}  // namespace perdure::system
