#pragma once

#include <memory>

#include "format/format.h"

namespace perdure::format {

/// RFC 4180: CRLF, UTF-8, one header line; a file a record type, and (with several types) CSVW
/// metadata beside them. Option `dialect`:
/// "data", exact: every text is quoted, so that NULL (an empty field), "" and 1 stay apart from
/// each other and from "1"; a double has a point or an exponent, or is INF, -INF, NaN; bytes are
/// base64, reported unless the column is declared BLOB; bad UTF-8 and NUL become U+FFFD, reported;
/// "spreadsheet": quotes only where needed, a byte order mark, and a TAB in front of a text that a
/// spreadsheet would run as a formula, or of a number of more than 15 digits; reported.
std::unique_ptr<RecordWriter> open_csv(OutputTree& tree);

}  // namespace perdure::format
