#pragma once

#include <memory>

#include "origin/unmade.h"

namespace perdure::origin {

enum class RowOrder {
    of_sqlite,  ///< of tables that only their application can sort, the digest leaves it out
    as_stored,  ///< it counts for every table: digests of before 2026-11-26
};

/// Opens the database of `source` in one read transaction and reads it as rows, then its media.
/// Its digest counts `unmade` as if it were there.
Result<std::unique_ptr<data::RowReader>> read_sqlite(SourceOptions const& source,
                                                     std::stop_token stop,
                                                     UnmadeObjects const& unmade = {},
                                                     RowOrder order = RowOrder::of_sqlite);

}  // namespace perdure::origin
