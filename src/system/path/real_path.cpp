#include "system/path/real_path.h"

namespace perdure::system {

Path real_path(Path const& path) {
    std::error_code error;
    auto real = std::filesystem::weakly_canonical(path, error);
    return error ? path.lexically_normal() : real;
}

}  // namespace perdure::system
