#pragma once

#include <memory>

#include "format/format.h"

namespace perdure::format {

/// RFC 4180: CRLF, UTF-8, one header line; a file a record type, and (with several types) CSVW
/// metadata beside them. NULL is an empty field, an empty text is "". Option `dialect`: "data"
/// (exact) or "spreadsheet" (a text that a spreadsheet would run as a formula gets a TAB in front;
/// reported).
std::unique_ptr<RecordWriter> open_csv(OutputTree& tree);

}  // namespace perdure::format
