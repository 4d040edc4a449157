#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>

#include "base/result.h"
#include "system/file.h"

namespace perdure::format {

/// Readers of what was just written, apart from its writers: how many records are there.
/// Each fails: corrupt, when the file does not begin or end as it must.
Result<std::optional<std::uint64_t>> count_json(system::Path const& file, std::stop_token stop);
Result<std::optional<std::uint64_t>> count_ndjson(system::Path const& file, std::stop_token stop);
Result<std::optional<std::uint64_t>> count_xml(system::Path const& file, std::stop_token stop);
/// One file, or a folder of them; each has a header.
Result<std::optional<std::uint64_t>> count_csv(system::Path const& output, std::stop_token stop);

}  // namespace perdure::format
