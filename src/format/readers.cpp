#include "format/readers.h"

#include <algorithm>

#include "format/archive/read/portable_archive.h"
#include "format/archive/read/verify.h"
#include "format/document/read_back.h"
#include "format/record/read/count_records.h"
#include "format/record/read/json_records.h"
#include "format/record/xml/xml_records.h"

namespace perdure::format {

namespace {

/// An archive is believed when everything it says of itself holds.
Result<std::optional<std::uint64_t>> count_archive(system::Path const& output,
                                                   std::stop_token stop) {
    PD_TRY(auto const report, verify_archive(output, {}, stop));
    if (report.good()) return report.records;
    return fail(Fault::corrupt,
                report.errors.empty() ? report.lost.front().reason : report.errors.front());
}

constexpr FormatReader readers[] = {
    {"json", "embed-media", count_json, open_json_records},
    {"ndjson", "embed-media", count_ndjson, open_ndjson_records},
    {"csv", "dialect", count_csv, nullptr},
    {"xlsx", "", check_xlsx, nullptr},
    {"xml", "embed-media", count_xml, open_xml_records},
    {"html", "", count_html, nullptr},
    {"epub", "", check_epub, nullptr},
    {"markdown", "xmp-sidecars", count_markdown, nullptr},
    {"zip", "xmp-sidecars", nullptr, nullptr},
    {"tar.gz", "xmp-sidecars", nullptr, nullptr},
    {"template", "template template_name", nullptr, nullptr},
    {"archive", "layout sign-key compression encryption configuration", count_archive,
     open_archive_file},
    {"pdf", "paper theme lang attach", check_pdf, nullptr},
};

}  // namespace

FormatReader const& format_reader(std::string_view format) {
    auto const found = std::ranges::find(readers, format, &FormatReader::format);
    PD_ASSERT(found != std::end(readers));
    return *found;
}

}  // namespace perdure::format
