#pragma once

#include <string>

#include "format/format.h"

namespace perdure::format {

/// Whether the export was asked to put a sidecar beside every medium (--xmp-sidecars).
bool wants_sidecars(ExportInfo const& info);

/// What the application knows of a medium, as an XMP packet (ISO 16684-1) for a file "NAME.xmp"
/// beside it, where photo programs look: title, caption, keywords and date in the properties that
/// they show, the record and its groups under urn:perdure:media:1. The file itself is untouched.
std::string media_sidecar(data::Record const& record, data::MediaRef const& ref,
                          MediaFile const& file, ExportInfo const& info);

}  // namespace perdure::format
