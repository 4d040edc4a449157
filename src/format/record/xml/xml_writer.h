#pragma once

#include <memory>
#include <string_view>

#include "format/format.h"

namespace perdure::format {

/// One XML 1.0 document in the namespace urn:perdure:export:1, one record a line, without a DTD.
/// Its schema stands inside (element "schema"). Every value is kept: what XML forbids (controls,
/// NUL, bytes that are not UTF-8) is base64, marked by an attribute.
std::unique_ptr<RecordWriter> open_xml(OutputTree& tree);

/// The XML Schema (XSD 1.0) that every such document fits.
std::string_view xml_schema();

}  // namespace perdure::format
