#pragma once

#include <cstdint>

namespace perdure::content {

/// The length that a body of `length` bytes is padded to, so that it tells little about its
/// content: Padmé (Nikitin et al., PETS 2019) with steps held between 4 and 256 KiB. At most 0.8 %
/// are added to a full data pack; never less than 4 KiB comes out.
std::uint64_t padded_bytes(std::uint64_t length);

}  // namespace perdure::content
