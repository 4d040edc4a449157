#pragma once

#include "origin/origin.h"

namespace perdure::origin {

/// A SQLite database with its folder of media files, as typed rows (the logical lane).
/// The file is looked at only when test(), open_rows(), digest() or check() is called.
/// Fails: invalid (no path).
Result<std::unique_ptr<Origin>> open_sqlite(SourceOptions const& source);

/// The name of the media folder beside a restored database: its own, unless the database's file has
/// the same one.
system::Path media_name(SourceOptions const& source);

/// Builds `folder/<file name>` beside its final name and renames it there in finish(); media files
/// go to `folder/<media_name>`. Fails: invalid; conflict (the name exists and
/// options.overwrite is false).
Result<std::unique_ptr<data::RowTarget>> open_sqlite_target(SourceOptions const& source,
                                                            TargetOptions const& options);

}  // namespace perdure::origin
