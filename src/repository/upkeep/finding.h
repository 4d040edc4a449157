#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace perdure::repository {

/// Something wrong with a repository, for people and machines alike.
struct Finding {
    enum class Kind {
        damaged,         ///< an object's bytes are not what was written
        missing,         ///< an object or blob that something refers to is not there
        unreadable,      ///< the store did not give it; it may be whole
        unknown_handle,  ///< a snapshot names a domain that the keyring never heard of
        disagreement,    ///< two destinations hold different bodies under one name
        gap,             ///< a snapshot that was made is neither here nor deleted
    } kind = Kind::damaged;
    std::string object;  ///< "pack/d/…", "snapshot/…", "blob …"
    std::string detail;
    bool repairable = false;  ///< parity, a second copy or a rebuild will mend it
};
std::string_view finding_name(Finding::Kind kind);  ///< "damaged", …

/// What an upkeep run tells while it works. Threads: called from any, must be quick.
struct UpkeepProgress {
    std::function<void(std::string_view phase, std::uint64_t done, std::uint64_t total)> report;
};

}  // namespace perdure::repository
