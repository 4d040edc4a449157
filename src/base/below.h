#pragma once

#include <filesystem>

namespace perdure {

/// Whether a path is that of the folder or of something in it, as they are written: links are not
/// followed, and both are absolute or both relative to the same place.
inline bool is_below(std::filesystem::path const& path, std::filesystem::path const& folder) {
    auto const way = path.lexically_relative(folder);
    return !way.empty() && *way.begin() != "..";
}

}  // namespace perdure
