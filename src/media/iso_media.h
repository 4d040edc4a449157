#pragma once

#include <optional>

#include "base/bytes.h"
#include "base/time.h"

namespace perdure::media {

/// What the header of an MP4, MOV, 3GP or M4A says (ISO/IEC 14496-12; QuickTime's user data).
struct IsoFacts {
    unsigned width = 0, height = 0;  ///< as shown
    std::optional<Timestamp> taken;
    bool located = false;
};

/// Collects the `moov` box while a file passes by, front to back, in bounded memory.
class IsoScan {
public:
    static constexpr std::size_t moov_max_bytes = 64 << 20;
    void feed(ByteView bytes);
    /// Whether nothing further in the file is of interest.
    bool done() const { return state_ == State::done; }
    /// What it says; nothing, if it did not come or is broken.
    IsoFacts facts() const;

private:
    enum class State { header, skip, moov, done };
    void take_header();
    State state_ = State::header;
    Bytes header_, moov_;
    std::uint64_t left_ = 0;
};

}  // namespace perdure::media
