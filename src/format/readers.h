#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string_view>

#include "data/record.h"
#include "system/file.h"

namespace perdure::format {

/// What is known of a format beside its writer.
struct FormatReader {
    std::string_view format;
    /// Names of the options it takes, a blank between them.
    std::string_view options;
    /// Reads a finished output back, so that an export is not believed before it was read, and
    /// counts its records where there is something to count. Null: only its bytes are compared.
    /// Fails: corrupt, telling what is wrong.
    Result<std::optional<std::uint64_t>> (*count_records)(system::Path const& output,
                                                          std::stop_token stop);
    /// Gives the records back, every value as it was. Null: the format loses some.
    /// Fails: invalid, corrupt, unsupported; next() too.
    Result<std::unique_ptr<data::RecordReader>> (*open)(system::Path const& output,
                                                        std::stop_token stop);
};
/// Every format has one.
FormatReader const& format_reader(std::string_view format);

}  // namespace perdure::format
