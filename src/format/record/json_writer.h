#pragma once

#include <memory>

#include "format/format.h"

namespace perdure::format {

/// {"perdure_export":{header},"schema":{JSON Schema},"records":[\n{record},\n{record}\n]}: one
/// record a line, each with its SHA-256, so that a broken file can be salvaged line by line.
std::unique_ptr<RecordWriter> open_json(OutputTree& tree);
/// One such record a line and nothing else.
std::unique_ptr<RecordWriter> open_ndjson(OutputTree& tree);

/// The header of an export as one JSON object: source, snapshot, times, filter, types with columns.
void json_header(std::string& out, ExportInfo const& info);

}  // namespace perdure::format
