#pragma once

#include <cstdint>
#include <stop_token>

#include "base/result.h"
#include "base/time.h"
#include "system/file.h"

namespace perdure::demo {

struct SampleOptions {
    std::uint64_t seed = 1;
    std::uint64_t size = 2000;        ///< memories; the rest grows along, media up to a bound
    Timestamp now{1'793'750'400, 0};  ///< 2026-11-04T00:00:00Z: what the apps take for today
};

/// Makes four applications below `folder`, which must be absent or empty:
///   memories/app.db, memories/media/          users, memories, collections, projects, media, code
///   index plants/plants.db, plants/photos/          plants, care, measurements, photos
///   assistant/memory.db                       an AI's memories and code units with embeddings
///   server/                                   configs, certificates, a bare git repository, logs,
///   odd files
/// The same options give the same logical content: the same rows, files, bytes and file times.
/// (Database files may differ in their pages, folders in their times.) Streams: memory does not
/// grow with size. Attributes, access lists and odd kinds of files are made where the system lets
/// us. Fails: conflict (the folder is not empty), exhausted, denied, cancelled.
Result<void> make_sample_apps(system::Path const& folder, SampleOptions const& options,
                              std::stop_token stop = {});

}  // namespace perdure::demo
