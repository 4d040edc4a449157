#pragma once

#include <memory>

#include "format/format.h"

namespace perdure::format {

/// A static site that works from a folder, offline: pages of records, timeline, lists by group,
/// photos, search, and the exact data beside them. Up to 10,000 rows a page a record; beyond, 50
/// records a page, so that a million records are 20,000 pages.
std::unique_ptr<RecordWriter> open_html(OutputTree& tree);

}  // namespace perdure::format
