#pragma once

#include <memory>

#include "format/format.h"

namespace perdure::format {

/// The portable archive (docs/ARCHIVE.md): every value exact, media by hash, vectors as numpy reads
/// them, checksums and a signature. Options: "layout" (flat or bagit), "sign-key" (a file with a
/// minisign secret key; none: unsigned), "compression" and "encryption" (what the container around
/// it does, for the manifest), "configuration" (of the source, its secrets redacted by the caller).
/// Memory: a record, 150 bytes a distinct medium, 10,000 names each of projects, categories,
/// collections and tags.
std::unique_ptr<RecordWriter> open_archive_writer(OutputTree& tree);

}  // namespace perdure::format
