#pragma once

#include <string>

namespace perdure::system {

/// The machine's name as the kernel has it; empty where it cannot be told.
std::string host_name();
/// The name of the user whose rights this process has; the number where it has no name.
std::string user_name();

}  // namespace perdure::system
