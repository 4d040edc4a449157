#pragma once

#include <map>

#include "repository/stream/content_writer.h"
#include "repository/stream/problems.h"
#include "repository/stream/record_stream.h"
#include "repository/tree/batch.h"

namespace perdure::repository {

/// Builds the folders of a tree from batches in order, bottom-up, and stores them. A further name
/// of a file whose first name was replaced or could not be read is read here, and becomes a file of
/// its own.
/// Memory: one open blob a level; a path for every file that is gone from its first name and has
/// others still to come.
class TreeAssembler {
public:
    TreeAssembler(WriteContext& context, ContentWriter& contents, std::stop_token stop);
    /// Fails: what the batch failed with; what the blob writer fails with.
    Result<void> add(TreeBatch& batch);
    /// The root's list, after the root was left.
    BlobList take_root();

    Problems problems;
    std::uint64_t bytes_read = 0, items_done = 0, items_left_out = 0;
    std::uint64_t bytes_of_own = 0;  ///< of further names that became files of their own

private:
    struct Open {
        Bytes entry;
        std::uint64_t hash = 0;
        std::size_t path_length = 0;  ///< of its parent's path
        RecordWriter records;
    };
    /// What stands for a file that is no longer, or unreadable, under its first name.
    struct Gone {
        std::uint32_t names_left = 0;
        std::string stand_in;  ///< the further name that was read; empty: none so far
    };
    using GoneFiles = std::map<std::string, Gone>;
    Result<void> add_file(FileJob& job, std::string_view name, bool linked);
    Result<void> add_further_name(std::string_view name, ByteView record,
                                  std::shared_ptr<data::Content> content);
    Result<void> add_as_own(std::string_view name, data::Entry entry, GoneFiles::iterator gone,
                            std::shared_ptr<data::Content> content);
    Result<void> leave();
    void enter(std::string_view name, ByteView entry);
    std::string path_of(std::string_view name) const;

    WriteContext& context_;
    ContentWriter& contents_;
    std::stop_token stop_;
    DomainPtr domain_;
    std::uint64_t seed_;
    std::string path_;
    std::vector<Open> open_;
    RecordWriter root_;
    std::optional<BlobList> root_list_;
    GoneFiles gone_;  ///< by first name
};

}  // namespace perdure::repository
