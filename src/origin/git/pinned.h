#pragma once

#include <memory>
#include <optional>

#include "origin/files/content.h"

namespace perdure::origin {

/// Files up to this size are kept in memory and need no descriptor.
inline constexpr std::uint64_t pinned_in_memory_max = 32 << 10;

/// A file as it was when it was met: small ones in memory, larger ones by their open descriptor.
struct Pinned {
    bool vanished = false;
    std::optional<Bytes> bytes;
    std::shared_ptr<data::Content> content;  ///< where there are no bytes
};
/// Fails: denied and the like.
Result<Pinned> pin(Root const& root, std::string const& path, data::Entry const& entry);
/// Bytes that a file of that entry had.
std::shared_ptr<data::Content> content_in_memory(Bytes bytes, data::Entry const& entry);

/// The content of a file as it is now, kept although its name may vanish: small files in memory,
/// larger ones by their open descriptor. Its entry_after_reading is `entry` unless bytes changed:
/// that a name was removed meanwhile (ctime, link count) does not count.
/// Empty when the file is not there any more. Fails: denied and the like.
Result<std::shared_ptr<data::Content>> pin_file(Root const& root, std::string const& path,
                                                data::Entry const& entry, bool& vanished);

}  // namespace perdure::origin
