#pragma once

#include <string_view>

namespace perdure::store {

/// False for what lies in a folder of ours under a name that cannot be ours (docs/FORMAT.md): what
/// somebody put there, or a copy that a program which synchronises folders made of an object in
/// conflict. It is nobody's object: not read, not copied, not deleted. True elsewhere.
bool is_own_name(std::string_view name);

}  // namespace perdure::store
