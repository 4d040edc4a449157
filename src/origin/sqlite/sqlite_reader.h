#pragma once

#include <memory>

#include "origin/unmade.h"

namespace perdure::origin {

/// Opens the database of `source` in one read transaction and reads it as rows, then its media.
/// Its digest counts `unmade` as if it were there.
Result<std::unique_ptr<data::RowReader>> read_sqlite(SourceOptions const& source,
                                                     std::stop_token stop,
                                                     UnmadeObjects const& unmade = {});

}  // namespace perdure::origin
