#pragma once

#include <string>
#include <vector>

#include "crypto/hash.h"
#include "format/output.h"

namespace perdure::job {

/// The pieces of one file, each with its proof.
struct PartList {
    struct Part {
        std::string name;
        std::uint64_t bytes = 0;
        std::string sha256;  ///< hexadecimal
    };
    std::string name;  ///< of the whole
    std::uint64_t bytes = 0;
    std::string sha256;
    std::vector<Part> parts;

    /// parts.json
    std::string json() const;
    /// Fails: invalid (no such list; a name that leads elsewhere).
    static Result<PartList> parse(std::string_view json);
    /// parts.sha256, for sha256sum --check
    std::string checksums() const;
    /// JOIN.txt, for people
    std::string instructions() const;
};

struct PartsRequest {
    std::string name;              ///< of the whole
    std::uint64_t part_bytes = 0;  ///< of every part but the last
    std::uint64_t bytes_most = 0;  ///< of the whole, at most: decides how long the numbers are
};
/// Writes the parts of a file into `tree`, and finishes with the three files beside them.
/// Fails: invalid (more than parts_max).
Result<std::unique_ptr<format::Output>> open_parts(format::OutputTree& tree, PartsRequest request);

}  // namespace perdure::job
