#pragma once

#include <set>

#include "repository/stream/record_stream.h"
#include "repository/tree/batch.h"

namespace perdure::repository {

/// Builds the folders of a tree from batches in order, bottom-up, and stores them.
/// Memory: one open blob a level.
class TreeAssembler {
public:
    explicit TreeAssembler(WriteContext& context);
    /// Fails: what the batch failed with; what the blob writer fails with.
    Result<void> add(TreeBatch& batch);
    /// The root's list, after the root was left.
    BlobList take_root();

    std::vector<data::Problem> problems;  ///< the first 1,000
    std::uint64_t problems_total = 0;
    std::uint64_t bytes_read = 0, items_done = 0, items_left_out = 0;

private:
    struct Open {
        Bytes entry;
        std::uint64_t hash = 0;
        std::size_t path_length = 0;  ///< of its parent's path
        RecordWriter records;
    };
    Result<void> add_file(FileJob& job, std::string_view name, bool linked);
    Result<void> add_record(std::string_view name, ByteView record, bool linked);
    Result<void> leave();
    void enter(std::string_view name, ByteView entry);
    void note(std::string path, std::string reason);
    std::string path_of(std::string_view name) const;

    WriteContext& context_;
    DomainPtr domain_;
    std::uint64_t seed_;
    std::string path_;
    std::vector<Open> open_;
    RecordWriter root_;
    std::optional<BlobList> root_list_;
    /// Paths of unreadable files with further names: hard links to them cannot be restored.
    std::set<std::string> left_out_;
};

/// At most 1,000 problems are kept; all are counted.
inline constexpr std::size_t problems_kept_max = 1000;

}  // namespace perdure::repository
