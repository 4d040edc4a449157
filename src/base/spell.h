#pragma once

#include <cstdint>
#include <string>

namespace perdure {

/// "1.4 GB", "59 GB", "0 B" (powers of 1000).
std::string spell_bytes(std::uint64_t bytes);
/// "12,345".
std::string spell_count(std::uint64_t count);

}  // namespace perdure
