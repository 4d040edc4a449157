#pragma once

#include "format/document/pdf/file/objects.h"
#include "format/format.h"

namespace perdure::format::pdf {

struct AttachedFile {
    std::string name, description;
    Number stream = 0;
};

/// What the catalog of the document names.
struct Catalog {
    ExportInfo const& info;
    Number pages = 0, structure = 0, outline = 0;
    unsigned front_pages = 0;
    std::uint64_t records = 0;
    std::vector<AttachedFile> files;
};

/// "(D:20240314093000Z)"
std::string date_string(Timestamp time);
/// Catalog, document information, XMP, names of attached files, page labels.
Result<Objects::Trailer> write_catalog(Objects& objects, Catalog const& catalog);

}  // namespace perdure::format::pdf
