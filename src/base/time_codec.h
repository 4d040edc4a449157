#pragma once

#include "base/codec.h"
#include "base/time.h"

namespace perdure {

/// An instant as the formats hold it: i64 seconds ‖ u32 nanoseconds.
inline void encode_time(Encoder& out, Timestamp time) {
    out.i64(time.seconds);
    out.u32(time.nanoseconds);
}
/// Fails: corrupt, on a short input. Nanoseconds beyond a second are for the reader to judge.
inline Result<Timestamp> decode_time(Decoder& in) {
    Timestamp time;
    PD_TRY(time.seconds, in.i64());
    PD_TRY(time.nanoseconds, in.u32());
    return time;
}

}  // namespace perdure
