#include "store/kept.h"

#include <fmt/core.h>

namespace perdure::store {

Result<void> check_kept(ObjectStore& store, ObjectName const& name, std::uint64_t size_bytes,
                        std::stop_token stop) {
    auto const info = store.head(name, std::move(stop));
    if (info && info->size_bytes == size_bytes) return {};
    if (!info && info.error().fault() != Fault::not_found) return info.error();
    return fail(Fault::corrupt,
                fmt::format("{} said that it keeps {}, and has {} of {} bytes", store.describe(),
                            name, info ? info->size_bytes : 0, size_bytes));
}

}  // namespace perdure::store
