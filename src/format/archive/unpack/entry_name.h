#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"

namespace perdure::format {

/// Names of files as they stand in somebody else's archive.

/// The name with a leading "./" and trailing slashes taken away, '/'-joined; empty: the root
/// itself. Fails: denied, for a name that could leave the place or mean another file on another
/// system: absolute, "..", a drive, a backslash, a control character, no UTF-8, deeper than 16
/// parts, longer than 1,024 bytes.
Result<std::string> checked_name(std::string_view name);

/// What two names must not share, or they are one file on some system: compatibility decomposition
/// composed (NFKC) and case folded.
std::string folded_name(std::string_view name);

/// Finds names that are one file on some system. Memory: twice the names.
class NameCollisions {
public:
    /// Fails: denied, naming the other one.
    Result<void> add(std::string const& name);

private:
    std::unordered_map<std::string, std::string> seen_;
};

}  // namespace perdure::format
