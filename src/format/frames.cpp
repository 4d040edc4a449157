#include "format/frames.h"

#include <algorithm>

namespace perdure::format {

namespace {
constexpr std::size_t head_bytes = 4, piece_bytes = 64 << 10;
}

Result<void> append_frame(Spool& spool, ByteView frame) {
    Encoder out;
    out.u32(static_cast<std::uint32_t>(frame.size()));
    out.raw(frame);
    return spool.append(out.view());
}

Result<void> FrameReader::fill(std::size_t wanted) {
    bool const held = next_bytes_ >= piece_at_ && next_bytes_ + wanted <= piece_at_ + piece_.size();
    if (held) return {};
    piece_.resize(std::max(wanted, piece_bytes));
    piece_at_ = next_bytes_;
    PD_TRY(auto const got, spool_.read_at(piece_, next_bytes_));
    piece_.resize(got);
    if (got < wanted) return fail(Fault::corrupt, "bytes put aside ended early");
    return {};
}

Result<bool> FrameReader::next(ByteView& frame) {
    if (next_bytes_ >= spool_.size_bytes()) return false;
    PD_CHECK(fill(head_bytes));
    Decoder head(ByteView(piece_).subspan(next_bytes_ - piece_at_, head_bytes));
    PD_TRY(auto const size, head.u32());
    PD_CHECK(fill(head_bytes + size));
    frame = ByteView(piece_).subspan(next_bytes_ - piece_at_ + head_bytes, size);
    offset_bytes_ = next_bytes_;
    next_bytes_ += head_bytes + size;
    return true;
}

}  // namespace perdure::format
