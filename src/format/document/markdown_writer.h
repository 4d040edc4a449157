#pragma once

#include <memory>

#include "format/format.h"

namespace perdure::format {

/// A folder that opens as an Obsidian vault and reads well anywhere: PROJECT/CATEGORY/TITLE.md (one
/// more level by type where there are several), a README.md with a table of contents in each
/// folder, media under attachments/COLLECTION/YEAR-MONTH/ with their original bytes. Every column
/// is in the YAML front matter, exact and tagged as in json; the body is the text below.
std::unique_ptr<RecordWriter> open_markdown(OutputTree& tree);

}  // namespace perdure::format
