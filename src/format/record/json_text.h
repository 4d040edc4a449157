#pragma once

#include <string>

#include "base/bytes.h"
#include "data/record.h"

namespace perdure::format {

/// JSON (RFC 8259) that keeps every value. Plain where every reader holds it exactly, else tagged:
/// {"$int64":"…"} beyond ±2^53, {"$double":"NaN"}, {"$bytes":"base64"} (also for text that is not
/// UTF-8: {"$text":"base64"}), and a real key that begins with '$' gets one more '$'.
void json_value(std::string& out, data::ValueView const& value);
/// A quoted, escaped string; `text` must be valid UTF-8 (see is_utf8).
void json_string(std::string& out, std::string_view text);
void json_key(std::string& out, std::string_view name);
/// Shortest decimal that reads back to the same bits; finite values only.
void json_double(std::string& out, double value);

/// One record as one JSON object on one line: its columns under their own names, and what the
/// mapping adds under names that begin with '_' (_type, _id, _project, _category, _collection,
/// _tags, _media, _subject); a real column that begins with '_' gets one more '_'.
void json_record(std::string& out, data::Record const& record);

}  // namespace perdure::format
