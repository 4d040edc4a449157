#include "system/folder/list_folder.h"

namespace perdure::system {

std::vector<Path> list_folder(Path const& folder, std::error_code& error) {
    std::vector<Path> paths;
    std::filesystem::directory_iterator at(folder, error);
    for (; !error && at != std::filesystem::directory_iterator(); at.increment(error))
        paths.push_back(at->path());
    return paths;
}

}  // namespace perdure::system
