#pragma once

#include "data/entry.h"

namespace perdure::repository {

/// Whether a file's stored timestamps may hide a change: it was written so close to the moment when
/// the parent snapshot read it that a later write could have left the same ctime. Such a file is
/// read again although it looks unchanged. `parent_started` is when that reading began.
bool is_racy(data::Entry const& before, Timestamp parent_started);

}  // namespace perdure::repository
