#pragma once

#include <stop_token>
#include <string_view>

#include "base/result.h"
#include "system/file.h"

namespace perdure::format {

/// What is known of a format beside its writer.
struct FormatReader {
    std::string_view format;
    /// Names of the options it takes, a blank between them.
    std::string_view options;
    /// Reads a finished output back and counts its records, so that an export is not believed
    /// before it was read. Null: only its bytes are compared. Fails: corrupt, telling what is
    /// wrong.
    Result<std::uint64_t> (*count_records)(system::Path const& output, std::stop_token stop);
};
/// Null: nothing is known, the writer looks at its options itself.
FormatReader const* find_format_reader(std::string_view format);

}  // namespace perdure::format
