#pragma once

#include <string>
#include <vector>

#include "service/config/node.h"

namespace perdure::service {

inline constexpr std::string_view redacted = "[redacted]";

/// A text without what looks like a secret in it: passwords of addresses; what stands behind a name
/// that says so (PGPASSWORD=…, --password …, "Authorization: …", ?token=…); tokens that are known
/// by how they begin. What bears no such sign nobody can tell from any other word.
std::string without_secrets(std::string text);

/// A program and its arguments likewise: the word behind an option that says so, and those of
/// programs that are known to take a password in a short one (mysql -p…, curl -u, sshpass -p).
std::vector<std::string> without_secrets(std::vector<std::string> argv);
/// Of an array as of an argv, of a table each of its texts.
Node without_secrets(Node node);

}  // namespace perdure::service
