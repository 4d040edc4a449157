#pragma once

#include <memory>

#include "format/format.h"

namespace perdure::format {

/// EPUB 3.3 with cover, title page, contents, chapters by collection (where the mapping has them)
/// or month, pictures as previews, an index of the tags, and a colophon that tells where it came
/// from. Files of text stay below 300 KB. One file: a ZIP inside `tree`.
std::unique_ptr<RecordWriter> open_epub(OutputTree& tree);

/// The parts of a book as files of a tree, without the ZIP around them.
std::unique_ptr<RecordWriter> open_book_parts(OutputTree& tree);

}  // namespace perdure::format
