#pragma once

#include "media/protocol.h"

namespace perdure::media::worker {

/// The three tasks, on a whole file in memory. Fails: corrupt, unsupported, exhausted (pixels).
Result<Answer> inspect_picture(Task const& task, ByteView file);
Result<Answer> preview_picture(Task const& task, ByteView file);
Result<Answer> convert_picture(Task const& task, ByteView file);

}  // namespace perdure::media::worker
