#pragma once

#include <memory>

#include "format/format.h"

namespace perdure::format {

/// An Excel workbook: a sheet a record type (more beyond 1,048,576 rows), typed cells, frozen bold
/// headers, filters. A text stays a text whatever it begins with; dates are dates that show as they
/// were written. Reported: integers of more than 53 bits (kept as text), doubles of more than 16
/// digits, NaN and infinities (text), empty texts, what XML forbids, more than 32,767 characters.
std::unique_ptr<RecordWriter> open_xlsx(OutputTree& tree);

}  // namespace perdure::format
