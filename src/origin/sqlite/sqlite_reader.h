#pragma once

#include <memory>

#include "origin/origin.h"

namespace perdure::origin {

/// Opens the database of `source` in one read transaction and reads it as rows, then its media.
Result<std::unique_ptr<data::RowReader>> read_sqlite(SourceOptions const& source,
                                                     std::stop_token stop);

}  // namespace perdure::origin
