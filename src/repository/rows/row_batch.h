#pragma once

#include "repository/rows/parent_rows.h"
#include "repository/stream/content_writer.h"
#include "repository/tree/batch.h"

namespace perdure::repository {

/// A block of rows on its way from the merge through the workers to the roster.
struct RowBlockJob {
    struct Row {
        std::uint32_t table = 0;
        std::size_t key_offset = 0, key_length = 0, payload_length = 0;  ///< payload after key
        bool outlined = false;
        std::optional<std::size_t> media;  ///< position in `media`: read its file first
    };
    DomainPtr domain;
    Bytes arena;
    std::vector<Row> rows;
    std::vector<FileJob> media;
    std::uint64_t tag = 0;
    std::optional<ParentBlocks::Block> parent;
    std::size_t weight = 0;

    std::vector<RosterEntry> entries;  ///< the result
    std::vector<data::Problem> problems;
    std::uint64_t media_bytes_read = 0;
    std::uint64_t rows_left_out = 0;
};

struct RowBatch {
    std::vector<RowBlockJob> blocks;
    std::size_t weight = 0;
    std::optional<Error> error;  ///< what ends the whole backup
};

/// Reads the block's media, encodes its rows and stores them, as a delta against the parent's block
/// where that pays. Threads: any number of blocks at once.
/// Fails: what the blob writer fails with; cancelled.
Result<void> store_block(RowBlockJob& job, WriteContext& context, ContentWriter& contents,
                         std::stop_token stop);

}  // namespace perdure::repository
