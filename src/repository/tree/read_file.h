#pragma once

#include "repository/stream/content_writer.h"
#include "repository/tree/batch.h"

namespace perdure::repository {

/// Reads the file of a job and fills in its record. A file that changes while it is read is read
/// again, three times at most; then what was read is kept, with a doubt in `problem`. An unreadable
/// file leaves `record` empty. A file that took the name of the one that was walked is kept, and
/// `other_file` says so: further names of the one that was walked are not this one's.
/// Fails: what the blob writer fails with; cancelled.
Result<void> read_job(FileJob& job, ContentWriter& contents, ContentOptions options,
                      std::stop_token stop);

}  // namespace perdure::repository
