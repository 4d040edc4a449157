#pragma once

#include <memory>

#include "data/record.h"
#include "system/file.h"

namespace perdure::format {

/// The records of a file that the xml writer made, in their order, every value as it was.
/// Memory: the largest record, three times.
/// Fails: invalid (another kind of file, a value that is none), corrupt, exhausted; next() too.
Result<std::unique_ptr<data::RecordReader>> open_xml_records(system::Path const& file,
                                                             std::stop_token stop);

}  // namespace perdure::format
