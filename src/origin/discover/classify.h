#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace perdure::origin {

enum class FileClass {
    sqlite,
    sqlite_side,
    media,
    certificate,
    config,
    log,
    database_other,
    other
};

struct Classified {
    FileClass kind = FileClass::other;
    std::string
        note;  ///< "nginx", "systemd unit"; of database_other: what it is and what protects it
};

/// What a file is, by its path below the place looked at and its first bytes (at least 64, where it
/// has them).
Classified classify(std::string_view path, ByteView head);

}  // namespace perdure::origin
