#pragma once

#include <random>

#include "base/bytes.h"
#include "system/clock.h"

namespace perdure::repository::testing {

/// A clock that stands until a test moves it. Tests only.
class SteppedClock final : public system::Clock {
public:
    Timestamp now() const override { return time; }
    Timestamp time{2'000'000, 0};
};

/// Bytes that no compressor shrinks, the same for the same seed.
inline Bytes random_bytes(std::mt19937_64& random, std::size_t count) {
    Bytes bytes(count);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
    return bytes;
}

}  // namespace perdure::repository::testing
