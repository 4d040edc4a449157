#pragma once

#include "data/stream.h"

namespace perdure::origin {

/// A new file, open for writing.
struct FileToFill {
    int file = -1;
    std::string const& path;  ///< for messages
    bool durable = true;      ///< it will be synced in the end: its bytes may be on
                              ///< their way before
};

/// Takes a content in pieces and puts each where the entry says that it belongs; holes stay holes.
/// Fails: corrupt (its extents contradict each other or the content); as cannot().
Result<void> fill_file(FileToFill const& to, data::Entry const& entry, data::ByteSource& content);

}  // namespace perdure::origin
