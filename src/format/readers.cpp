#include "format/readers.h"

#include <algorithm>

#include "format/archive/read/verify.h"
#include "format/record/count_records.h"

namespace perdure::format {

namespace {

/// An archive is believed when everything it says of itself holds.
Result<std::uint64_t> count_archive(system::Path const& output, std::stop_token stop) {
    PD_TRY(auto const report, verify_archive(output, {}, stop));
    if (report.good()) return report.records;
    return fail(Fault::corrupt,
                report.errors.empty() ? report.lost.front().reason : report.errors.front());
}

constexpr FormatReader readers[] = {
    {"json", "", count_json},
    {"ndjson", "", count_ndjson},
    {"csv", "dialect", count_csv},
    {"zip", "", nullptr},
    {"tar.gz", "", nullptr},
    {"archive", "layout sign-key compression encryption configuration", count_archive},
};

}  // namespace

FormatReader const* find_format_reader(std::string_view format) {
    auto const found = std::ranges::find(readers, format, &FormatReader::format);
    return found == std::end(readers) ? nullptr : found;
}

}  // namespace perdure::format
