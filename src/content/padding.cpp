#include "content/padding.h"

#include <algorithm>
#include <bit>

namespace perdure::content {

std::uint64_t padded_bytes(std::uint64_t length) {
    constexpr std::uint64_t step_min = 4 << 10;
    constexpr std::uint64_t step_max = 256 << 10;
    std::uint64_t step = step_min;
    if (length > 1) {
        int const exponent = std::bit_width(length) - 1;
        int const kept_bits = std::bit_width(static_cast<unsigned>(exponent));
        step =
            std::clamp(std::uint64_t{1} << std::max(0, exponent - kept_bits), step_min, step_max);
    }
    return std::max(step, (length + step - 1) & ~(step - 1));
}

}  // namespace perdure::content
