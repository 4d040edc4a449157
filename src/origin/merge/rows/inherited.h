#pragma once

#include "origin/merge/change.h"
#include "origin/sqlite/handle.h"

namespace perdure::origin {

/// How many references of `table` that the changes put there point to nothing just as they did in
/// the snapshot, which is attached as "snap": the application's own, which a faithful restore
/// brings back. A row that was there and pointed to nothing before is not counted: it is no news.
Result<std::uint64_t> count_inherited(Connection& connection, ChangeList& changes,
                                      std::string const& table, std::stop_token stop);

}  // namespace perdure::origin
