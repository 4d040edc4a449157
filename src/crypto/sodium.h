#pragma once

#include <sodium.h>

#include "base/result.h"

namespace perdure::crypto {

/// Prepares libsodium once per process; cheap afterwards. Aborts where it cannot start.
inline void start_sodium() {
    static bool const started = [] {
        PD_ASSERT(sodium_init() >= 0);
        return true;
    }();
    static_cast<void>(started);
}

template <typename Byte>
inline auto* raw(Byte* bytes) {
    if constexpr (std::is_const_v<Byte>) {
        return reinterpret_cast<unsigned char const*>(bytes);
    } else {
        return reinterpret_cast<unsigned char*>(bytes);
    }
}

}  // namespace perdure::crypto
