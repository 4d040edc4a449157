#pragma once

#include "format/archive/unpack/file_set.h"

namespace perdure::format {

struct BagReport {
    std::string version;
    std::uint64_t payload_files = 0;
    std::vector<std::string> errors, warnings;
};

/// Whether the files below `folder` ("" or "name/") are a valid, complete bag: BagIt 0.93 … 0.97
/// and 1.0 (RFC 8493). What a fetch.txt names must be there already: nothing is fetched. Never
/// fails: what cannot be read is an error in the report.
BagReport check_bag(FileSet const& files, std::string const& folder);

}  // namespace perdure::format
