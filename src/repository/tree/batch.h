#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/stream.h"
#include "repository/stream/workers.h"

namespace perdure::repository {

/// A file whose content must be read.
struct FileJob {
    data::Entry entry;  ///< as the origin saw it; as read, afterwards
    std::shared_ptr<data::Content> content;
    Bytes record;         ///< the result; empty: the file was left out
    std::string problem;  ///< why it was left out, or kept with a doubt
    std::uint64_t bytes_read = 0;
    std::uint32_t names = 1;  ///< of its inode, when the tree was walked
    bool other_file = false;  ///< another file stood under the name when it was read
    /// Opened ahead of its turn, so that a cold disk brings it while others are read.
    std::unique_ptr<data::ByteSource> opened;
};

/// A run of neighbouring steps of a tree, handed from the scanner through the workers (who read the
/// files among them) to the assembler.
struct TreeBatch {
    struct Token {
        enum class Kind : std::uint8_t {
            enter,
            record,
            file,
            further_name,
            leave
        } kind = Kind::record;
        bool linked = false;            ///< more than one name shares this inode
        std::uint32_t name_length = 0;  ///< the name lies in `arena` first …
        std::uint32_t length = 0;       ///< … then the entry (enter) or record
        std::uint32_t job = 0;  ///< of a file: position in jobs; of a further name: in links
        std::size_t offset = 0;
    };
    Bytes arena;
    std::vector<Token> tokens;
    std::vector<FileJob> jobs;
    /// The contents of further names, read only when their first name does not speak for them.
    std::vector<std::shared_ptr<data::Content>> links;
    std::uint64_t job_bytes = 0;
    std::optional<Error> error;  ///< what ends the whole backup
};

using TreePipeline = Pipeline<TreeBatch>;

}  // namespace perdure::repository
