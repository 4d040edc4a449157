#pragma once

#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "origin/server/inventory.h"

namespace perdure::origin {

/// What dpkg remembers of the files that packages brought.
struct PackageFiles {
    struct Config {
        std::string package, md5;  ///< md5 in hexadecimal, as the package brought it
    };
    std::map<std::string, Config> configs;  ///< path → its package and original digest
    std::set<std::string> owned;            ///< paths below the folders that are looked at
    std::vector<InstalledPackage> packages;
};

/// The paragraphs of /var/lib/dpkg/status (deb822; conffiles as in deb-conffiles(5)).
void read_status(std::string_view text, PackageFiles& into);
/// /var/lib/apt/extended_states: which packages came only because others need them.
void read_extended_states(std::string_view text, PackageFiles& into);
/// Adds the lines of info/PACKAGE.list that lie below one of the folders ("/etc").
void read_list(std::string_view text, std::vector<std::string> const& folders, PackageFiles& into);

/// All of it from a machine's file system. A machine without dpkg gives nothing and a remark.
PackageFiles read_packages(system::Path const& root, std::vector<std::string> const& folders,
                           std::vector<std::string>& remarks);

/// MD5, which is what dpkg compares with; proves nothing against an adversary.
Result<std::string> md5_of(system::Path const& file);

}  // namespace perdure::origin
