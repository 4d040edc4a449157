#pragma once

#include <algorithm>

#include "data/entry.h"

namespace perdure::data {

/// Where the bytes of a content lie in their file: the content of a sparse file is its extents,
/// joined, that of any other the file. Fed front to back, in pieces of any length. `entry` outlives
/// it; whether its extents are in order is for others to say. Threads: one.
class Placement {
public:
    explicit Placement(Entry const& entry) : entry_(entry) {}

    /// Calls `put(offset in the file, bytes)` for each run of bytes that lie together. Returns what
    /// no extent has room for: a whole content leaves nothing. Fails: as `put`.
    template <typename Put>
    Result<ByteView> feed(ByteView bytes, Put const& put) {
        while (!bytes.empty()) {
            std::uint64_t offset = at_;
            std::size_t count = bytes.size();
            if (entry_.sparse) {
                if (is_filled()) break;
                Extent const& extent = entry_.extents[extent_];
                count =
                    static_cast<std::size_t>(std::min<std::uint64_t>(count, extent.length - at_));
                offset += extent.offset;
            }
            PD_CHECK(put(offset, bytes.first(count)));
            bytes = bytes.subspan(count);
            at_ += count;
            if (entry_.sparse && at_ == entry_.extents[extent_].length) {
                at_ = 0;
                ++extent_;
            }
        }
        return bytes;
    }
    /// Whether every extent has its bytes; of a file that is not sparse always.
    bool is_filled() const { return !entry_.sparse || extent_ == entry_.extents.size(); }
    /// Bytes of the file: what was fed, and of a sparse one what its entry says.
    std::uint64_t size() const { return entry_.sparse ? entry_.size : at_; }

private:
    Entry const& entry_;
    std::size_t extent_ = 0;
    std::uint64_t at_ = 0;  ///< in the extent, or in the plain file
};

}  // namespace perdure::data
