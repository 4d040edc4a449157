#pragma once

#include "origin/server/inventory.h"

namespace perdure::origin {

/// Database servers among the processes of a proc folder: by program name, one entry a server
/// (children of the same program are left out).
std::vector<RunningServer> running_servers(system::Path const& proc,
                                           std::vector<std::string>& remarks);

/// The listening addresses of a table such as /proc/net/tcp (proc(5)): inode → "127.0.0.1:5432".
std::vector<std::pair<std::uint64_t, std::string>> listening_sockets(std::string_view table);

}  // namespace perdure::origin
