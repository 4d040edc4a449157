#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/task_group.h"
#include "crypto/hash.h"
#include "system/file.h"

namespace perdure::repository {

struct RowSortOptions {
    system::Path spill_folder;  ///< empty: below TMPDIR
    std::size_t run_bytes = 32u << 20;
    std::size_t fan_in = 128;  ///< runs merged at once
};

/// Sorts (key, payload) pairs by key in memcmp order, on disk when they exceed one run. Spilled
/// bytes are sealed under a random key that exists only in memory. Input that comes in order, or in
/// order within its groups, is only checked, not compared again and again.
/// Memory: two runs while adding, one that fills and one that is sorted and written; fan_in × 256
/// KiB while merging.
/// Threads: for one; a thread of its own writes the runs.
class RowSort {
public:
    struct Row {
        ByteView key, payload;
    };
    /// A key of this length and more is refused: it could not be held in a block.
    static constexpr std::size_t key_bytes_max = 1u << 20;

    explicit RowSort(RowSortOptions options);
    ~RowSort();
    RowSort(RowSort const&) = delete;
    RowSort& operator=(RowSort const&) = delete;

    /// The key is the concatenation of the parts.
    /// Fails: exhausted (the disk of the spill folder is full); invalid (a key too long).
    Result<void> add(std::initializer_list<ByteView> key_parts,
                     std::initializer_list<ByteView> payload_parts);
    /// No more will be added; next() can begin.
    Result<void> finish();
    /// Views live until the next call; empty at the end. Equal keys come in any order.
    Result<std::optional<Row>> next();
    std::uint64_t rows() const { return rows_; }

private:
    struct Slot {
        std::uint64_t high, low;  ///< the key's first 16 bytes, big-endian
        std::uint32_t offset;
    };
    class Run;
    class Merge;

    /// Rows in memory, in the order in which they came until they are sorted.
    struct Arena {
        Bytes bytes;
        std::vector<Slot> slots;
        bool in_order = true;

        Row at(std::uint32_t offset) const;
        void sort();
        void clear();
    };

    Result<void> spill();
    Result<void> write_run();
    Result<void> wait_for_writer();
    Result<void> merge_level(std::size_t level);
    Result<std::unique_ptr<Run>> new_run();

    RowSortOptions options_;
    std::optional<system::ScratchFolder> scratch_;
    crypto::HmacKey key_;
    std::uint64_t runs_made_ = 0, rows_ = 0;
    Arena filling_, written_;
    std::size_t next_slot_ = 0;
    std::vector<std::vector<std::unique_ptr<Run>>> levels_;
    std::unique_ptr<Merge> merge_;
    std::unique_ptr<TaskGroup> writer_;  ///< at work on what follows filling_; last: joined first
};

}  // namespace perdure::repository
