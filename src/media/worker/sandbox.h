#pragma once

#include <cstdint>

#include "base/result.h"

namespace perdure::media::worker {

/// Gives up, for the rest of this process's life, what decoding a picture does not need: new
/// programs, sockets, writing to files, looking into other processes (seccomp, where the kernel
/// and the processor are known), core dumps. What is opened for reading later stays possible:
/// libraries load their parts late.
void enter_sandbox();
/// Before each task: at most so much private memory, and so many more seconds of CPU.
void limit_task(std::uint64_t memory_bytes, std::uint64_t cpu_seconds);

}  // namespace perdure::media::worker
