#pragma once

#include <cstddef>
#include <cstdint>

namespace perdure::system {

/// Bytes of this process that are in memory now, mapped files included; 0 where nobody tells.
/// Costs a few microseconds. Threads: any.
std::uint64_t resident_bytes();

/// How many descriptors one user of many may hold: `wanted`, or an eighth of what this process may
/// open (`ulimit -n`), where that is less. At least two. Threads: any.
std::size_t descriptors_for(std::size_t wanted);

}  // namespace perdure::system
