#pragma once

#include <memory>

#include "data/stream.h"
#include "system/file.h"

namespace perdure::job {

/// The same tree below `root`; each SQLite database in it that somebody has open, or that a crash
/// left, is among the problems, once: its file and its log are read one after the other, so that
/// the copies need not be a whole database.
/// It costs a look at the files whose names end like those of a log, and no other.
std::unique_ptr<data::TreeReader> tell_live_databases(std::unique_ptr<data::TreeReader> reader,
                                                      system::Path root);

}  // namespace perdure::job
