#pragma once

#include <memory>

#include "store/object_store.h"
#include "system/file.h"

namespace perdure::store {

struct LocalOptions {
    system::Path root;
    bool create = false;     ///< a missing folder holds nothing, and the first write makes it
    bool read_only = false;  ///< never write, not even to clean up
};

/// Objects are files below `root` under their own names; `root/_tmp` holds bodies on their way. A
/// body becomes visible by rename, after its bytes and before its folder are synced. Fails:
/// not_found (no such folder and create is false); denied; conflict (it is a file).
Result<std::shared_ptr<ObjectStore>> open_local(LocalOptions options);

}  // namespace perdure::store
