#pragma once

#include <string>
#include <string_view>

namespace perdure::crypto {

/// A name-based UUID, version 5 (RFC 9562 §5.5): the same for the same two names, always. `space`
/// is a UUID as text, or any other text, which is turned into one first.
std::string uuid_v5(std::string_view space, std::string_view name);

}  // namespace perdure::crypto
