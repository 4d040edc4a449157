#pragma once

#include "origin/origin.h"

namespace perdure::origin {

/// Looks at nothing yet. Fails: invalid (no path).
Result<std::unique_ptr<Origin>> open_files(SourceOptions const& options);

/// Reads every file once and says which cannot be read, by its path below the root. Fails: what the
/// reader fails with; cancelled.
Result<std::vector<data::Problem>> check_readable(data::TreeReader& reader, std::stop_token stop);

}  // namespace perdure::origin
