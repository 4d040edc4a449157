#pragma once

#include <memory>

#include "data/record.h"
#include "system/file.h"

namespace perdure::format {

/// The records of a file that the json or ndjson writer made, in their order, every value as it
/// was. Each line is compared with the SHA-256 it carries. Of ndjson, which has no header, the
/// types are those its lines name, without roles.
/// Memory: the longest line, twice.
/// Fails: invalid (no such file), corrupt; next() too, naming the line.
Result<std::unique_ptr<data::RecordReader>> open_json_records(system::Path const& file,
                                                              std::stop_token stop);
Result<std::unique_ptr<data::RecordReader>> open_ndjson_records(system::Path const& file,
                                                                std::stop_token stop);

}  // namespace perdure::format
