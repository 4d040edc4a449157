#pragma once

#include <memory>
#include <string>

#include "data/stream.h"
#include "system/file.h"

namespace perdure::origin {

/// The open top of a tree, kept open by all who may still read below it.
using Root = std::shared_ptr<system::File const>;

/// The content of the file at `path` beneath the root; opened when asked for. Of a sparse file the
/// extents as they are then, which entry_after_reading tells.
std::shared_ptr<data::Content> file_content(Root root, std::string path, data::Entry const& entry);

/// The content of a file that is open already: reads what the entry describes, whatever becomes of
/// the name. Fails: not_found when the descriptor is no regular file.
Result<std::unique_ptr<data::ByteSource>> read_open_file(system::File file, std::string name,
                                                         std::vector<data::Extent> extents,
                                                         bool sparse);

/// Opens a regular file beneath the root without changing its access time where that is allowed.
/// Fails: not_found (vanished, or no regular file any more), denied.
Result<system::File> open_file_beneath(int root, std::string const& path);

}  // namespace perdure::origin
