#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/object_store.h"
#include "store/wrap/mirror.h"
#include "store/wrap/throttle.h"

namespace perdure::store {

/// A destination as the configuration names it.
struct DestinationOptions {
    std::string name = "default";
    std::string kind = "local";
    std::string path;     ///< local: the folder
    bool create = false;  ///< make what is missing (init only)
    bool read_only = false;
    LegRole role = LegRole::whole;
    unsigned attempts_max = 6;  ///< of a call that the store did not answer
    Rate upload_bytes_per_second;
    Rate download_bytes_per_second;
};

/// A kind of store is one row here and one folder beside.
struct StoreKind {
    std::string_view name;
    Result<std::shared_ptr<ObjectStore>> (*open)(DestinationOptions const& options);
};
std::span<StoreKind const> store_kinds();

/// Opens one destination, with retry and throttle around it.
/// Fails: unsupported (no such kind; the known ones are named); as the kind's own open.
Result<std::shared_ptr<ObjectStore>> open_store(DestinationOptions const& options);

/// Opens several as a mirror, in order of authority; those that cannot be opened start degraded.
/// Fails: when none can.
Result<std::shared_ptr<MirrorStore>> open_mirror(std::vector<DestinationOptions> const& options);

}  // namespace perdure::store
