#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace perdure::demo {

/// Reproducible randomness (SplitMix64): the same seed and label give the same throws on every
/// machine. Not for secrets.
class Dice {
public:
    Dice(std::uint64_t seed, std::string_view label) : state_(seed ^ 0x9e3779b97f4a7c15) {
        for (char c : label) state_ = mix(state_ ^ static_cast<unsigned char>(c));
    }
    std::uint64_t next() {
        state_ += 0x9e3779b97f4a7c15;
        return mix(state_);
    }
    /// 0 … bound - 1; bound at least 1.
    std::uint64_t below(std::uint64_t bound) { return next() % bound; }
    std::uint64_t between(std::uint64_t low, std::uint64_t high) {
        return low + below(high - low + 1);
    }
    bool chance(unsigned percent) { return below(100) < percent; }
    double fraction() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
    template <typename T, std::size_t N>
    T const& pick(std::span<T const, N> from) {
        return from[below(from.size())];
    }
    template <typename T, std::size_t N>
    T const& pick(T const (&from)[N]) {
        return from[below(N)];
    }
    /// Most throws are low: a few things are used much, most little.
    std::uint64_t skewed(std::uint64_t bound) {
        double const at = fraction();
        return static_cast<std::uint64_t>(at * at * at * static_cast<double>(bound));
    }

private:
    static std::uint64_t mix(std::uint64_t z) {
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
    std::uint64_t state_;
};

}  // namespace perdure::demo
