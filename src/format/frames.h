#pragma once

#include "base/codec.h"
#include "format/output.h"

namespace perdure::format {

/// One length-prefixed frame at the end of a spool.
Result<void> append_frame(Spool& spool, ByteView frame);

/// Reads the frames of a spool from front to back, in pieces. Threads: one.
class FrameReader {
public:
    explicit FrameReader(Spool& spool, std::uint64_t offset_bytes = 0)
        : spool_(spool), next_bytes_(offset_bytes) {}
    /// False at the end. The frame lives until the next call. Fails: corrupt.
    Result<bool> next(ByteView& frame);
    /// Where the frame that next() gave last begins.
    std::uint64_t offset() const { return offset_bytes_; }

private:
    Result<void> fill(std::size_t wanted);

    Spool& spool_;
    std::uint64_t next_bytes_, offset_bytes_ = 0;  ///< of the frame after this, and of this
    Bytes piece_;
    std::uint64_t piece_at_ = 0;  ///< where piece_ lies in the spool
};

}  // namespace perdure::format
