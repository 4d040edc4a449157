#pragma once

#include <optional>
#include <stop_token>

#include "base/result.h"
#include "system/file.h"

namespace perdure::format {

/// Readers of documents that were just written, apart from their writers: what there is to count
/// is counted, everything that carries a checksum is compared with it. Fails: corrupt.
Result<std::optional<std::uint64_t>> count_markdown(system::Path const& output,
                                                    std::stop_token stop);
Result<std::optional<std::uint64_t>> count_html(system::Path const& output, std::stop_token stop);
/// Every entry of the zip that it is.
Result<std::optional<std::uint64_t>> check_epub(system::Path const& output, std::stop_token stop);
Result<std::optional<std::uint64_t>> check_xlsx(system::Path const& output, std::stop_token stop);
/// Where it begins, and that its end leads to its table of objects; qpdf looks deeper, in the
/// tests.
Result<std::optional<std::uint64_t>> check_pdf(system::Path const& output, std::stop_token stop);

}  // namespace perdure::format
