#pragma once

#include <string>

#include "system/file.h"

namespace perdure::system {

/// The machine's name as the kernel has it; empty where it cannot be told.
std::string host_name();
/// The name of the user whose rights this process has; the number where it has no name.
std::string user_name();

/// Gives an open file to a user and a group; `path` names it in errors. Fails: denied.
Result<void> give_to(int descriptor, Path const& path, unsigned user, unsigned group);

}  // namespace perdure::system
