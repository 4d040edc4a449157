#pragma once

#include <memory>

#include "format/format.h"

namespace perdure::format {

/// A book (PDF 1.7): cover, contents, a chapter a collection, its records with pictures; outline,
/// links, logical structure, embedded subsets of fonts, and the data of every record attached as
/// JSON. Options: paper (a4, a5, letter), theme (classic, modern), attach (yes, no), lang.
/// Memory does not grow with the records but for some ten bytes each.
std::unique_ptr<RecordWriter> open_pdf(OutputTree& tree);

}  // namespace perdure::format
