#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "base/result.h"

namespace perdure::system {

/// A change that perdure is about to make to a disk.
enum class Step {
    create,
    write,
    sync,
    sync_folder,
    rename,
    link,
    remove,
    make_folder,
    set_metadata
};

/// Decides about each step before it happens. Returning an error makes the step fail with it.
/// `path` is the path as the caller gave it; for rename and link it is both paths, joined by a NUL.
using StepHook = std::function<Result<void>(Step step, std::string_view path)>;

/// Called by every function of this room that changes a disk. Without a hook it costs one load.
/// The environment variable PERDURE_CRASH_AT=n ends the process (_exit 137) at step n: the crash
/// tests run the real program with every n. PERDURE_CRASH_COUNT=file writes the number of steps
/// made into that file at exit, so that a test knows how far n goes. Threads: any.
Result<void> step(Step step, std::string_view path);

/// Installs (or with nullptr removes) the hook. Tests only; not while other threads write.
void set_step_hook(StepHook hook);

}  // namespace perdure::system
