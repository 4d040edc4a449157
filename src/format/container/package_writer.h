#pragma once

#include <memory>

#include "format/format.h"

namespace perdure::format {

/// Everything of an export in one container, for people who want it whole:
///   README.txt                                what it is, how to read it, what is missing
///   data/TYPE.json                            records of one type, exactly, one a line
///   media/COLLECTION/YEAR/YYYY-MM-DD NAME     originals (or what was asked for), each once
///   media/media.json                          path in the application → file here, size, SHA-256
///   checksums.sha256                          of every file, for sha256sum --check
/// COLLECTION is a record's collection, else its project, else its type. Media stand in front, data
/// behind, since records come one by one and one entry is open at a time.
std::unique_ptr<RecordWriter> open_zip_package(OutputTree& tree);
std::unique_ptr<RecordWriter> open_tar_package(OutputTree& tree);

}  // namespace perdure::format
