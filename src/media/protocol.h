#pragma once

#include "base/codec.h"
#include "media/workshop.h"

namespace perdure::media {

/// What a worker is asked; the file itself travels beside it as an open descriptor.
struct Task {
    enum class What : std::uint8_t { inspect, preview, convert };
    What what = What::inspect;
    std::string media_type;  ///< by sniff()
    std::uint64_t size_bytes = 0;
    unsigned edge = 0;  ///< preview
    Wanted wanted;      ///< convert: only what concerns pictures
    std::uint64_t pixels_max = 0, memory_bytes = 0, cpu_seconds = 0;
};

struct Answer {
    Facts facts;  ///< inspect: of the file; else of `bytes`
    Bytes bytes;  ///< the preview or copy; empty with convert: the file may stay as it is
};

Bytes encode_task(Task const& task);
Result<Task> decode_task(ByteView bytes);
/// An answer, or the worker's own error.
Bytes encode_answer(Result<Answer> const& answer);
Result<Answer> decode_answer(ByteView bytes);

}  // namespace perdure::media
