#include <fmt/format.h>

#include <algorithm>

#include "format/archive/archive_writer.h"
#include "format/container/package_writer.h"
#include "format/document/epub/epub_writer.h"
#include "format/document/html/html_writer.h"
#include "format/document/markdown_writer.h"
#include "format/document/pdf/pdf_writer.h"
#include "format/format.h"
#include "format/record/csv_writer.h"
#include "format/record/json_writer.h"
#include "format/record/sheet/xlsx_writer.h"
#include "format/record/xml/xml_writer.h"
#include "format/template/template_writer.h"

namespace perdure::format {

namespace {

constexpr FormatKind kinds[] = {
    {"json", "application/json", "json", "every value exact, one record a line", true, true,
     data::RecordOrder::key, open_json},
    {"ndjson", "application/x-ndjson", "ndjson", "one JSON record a line", true, true,
     data::RecordOrder::key, open_ndjson},
    {"csv", "text/csv", "csv", "a table a record type, RFC 4180", false, false,
     data::RecordOrder::key, open_csv},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx",
     "a workbook, a sheet a record type", true, false, data::RecordOrder::created, open_xlsx},
    {"xml", "application/xml", "xml", "every value exact, its schema inside", true, true,
     data::RecordOrder::key, open_xml},
    {"html", "text/html", "html", "a site to read offline: pages, timeline, photos, search", false,
     false, data::RecordOrder::created, open_html},
    {"epub", "application/epub+zip", "epub", "a book: chapters, pictures, an index of tags", true,
     false, data::RecordOrder::collection, open_epub},
    {"markdown", "text/markdown", "md", "a folder to read, as Obsidian and others open it", false,
     false, data::RecordOrder::project, open_markdown},
    {"zip", "application/zip", "zip", "everything in one file: data as json, media by date", true,
     false, data::RecordOrder::created, open_zip_package},
    {"tar.gz", "application/gzip", "tar.gz", "the same as a compressed tar", true, false,
     data::RecordOrder::created, open_tar_package},
    {"template", "text/plain", "txt", "what a template of yours makes of the records", true, false,
     data::RecordOrder::created, open_template},
    {"archive", "application/gzip", "tar.gz",
     "everything, with media, vectors, checksums and a signature", false, true,
     data::RecordOrder::created, open_archive_writer},
    {"pdf", "application/pdf", "pdf", "a book: chapters, pictures, outline, data attached", true,
     false, data::RecordOrder::collection, open_pdf},
};

}  // namespace

std::span<FormatKind const> format_kinds() {
    return kinds;
}

Result<FormatKind const*> find_format(std::string_view name) {
    auto const found = std::ranges::find(kinds, name, &FormatKind::name);
    if (found != std::end(kinds)) return found;
    std::string known;
    for (auto const& kind : kinds) known += (known.empty() ? "" : ", ") + std::string(kind.name);
    return fail(Fault::invalid, fmt::format("\"{}\" is no format", name))
        .with_fix(fmt::format("take one of: {}", known));
}

}  // namespace perdure::format
