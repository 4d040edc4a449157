#pragma once

#include <string>

#include "format/format.h"

namespace perdure::format {

/// A JSON Schema (2020-12) of one export: every type with its columns. The schema of a json file
/// describes the whole file, that of ndjson one line.
enum class JsonShape { document, line };
std::string json_schema_of(ExportInfo const& info, JsonShape shape);
/// The schema that every export fits, whatever its columns.
std::string json_schema(JsonShape shape);

}  // namespace perdure::format
