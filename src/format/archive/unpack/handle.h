#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <memory>

namespace perdure::format {

struct FreeArchive {
    void operator()(::archive* reader) const { archive_read_free(reader); }
};
using ArchiveHandle = std::unique_ptr<::archive, FreeArchive>;

}  // namespace perdure::format
