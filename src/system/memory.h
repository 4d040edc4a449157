#pragma once

#include <cstdint>

namespace perdure::system {

/// Bytes of this process that are in memory now, mapped files included; 0 where nobody tells.
/// Costs a few microseconds. Threads: any.
std::uint64_t resident_bytes();

}  // namespace perdure::system
