#pragma once

#include "face/cli/json.h"
#include "face/cli/terminal.h"
#include "job/diff/compare.h"

namespace perdure::face {

/// A value for people: text in quotes, shortened, nothing that commands a terminal.
std::string spell_value(data::Value const& value);
/// A value for programs, lossless (docs/CLI.md): whole numbers beyond ±2^53 as {"$int64": text},
/// bytes as {"$bytes": Base64}, text that is no UTF-8 as {"$text": Base64}.
std::string value_json(data::Value const& value);

/// {"type": "record_change"} and {"type": "file_change"}.
JsonObject change_object(job::RecordChange const& change);
JsonObject change_object(job::FileChange const& change);

/// "~ memory 17 “Alps”", then a line a field. `indent` stands before each.
std::vector<std::string> spell_change(job::RecordChange const& change, Style const& style);
std::vector<std::string> spell_change(job::FileChange const& change, Style const& style);

}  // namespace perdure::face
