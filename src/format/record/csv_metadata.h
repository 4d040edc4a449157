#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "format/format.h"

namespace perdure::format {

/// What the mapping adds to a record's own columns.
inline constexpr std::array<std::string_view, 6> csv_roles = {
    "_project", "_category", "_collection", "_subject", "_tags", "_media"};

/// A column's heading: its own name; one that begins with '_' gets one more.
std::string csv_column(std::string const& column);
/// Which columns are declared as BLOB: their values are base64, and the metadata says so.
std::vector<bool> binary_columns(data::RecordType const& type);

/// "Metadata Vocabulary for Tabular Data" (W3C, CSVW) over all tables of the export. `files` are
/// their names, by position of the type.
std::string csv_metadata(ExportInfo const& info, std::vector<std::string> const& files);

}  // namespace perdure::format
