#pragma once

#include "store/object_store.h"

namespace perdure::store {

/// That a store which accepted an object keeps all `size_bytes` of it: some say so and do not.
/// Asked of each destination by itself, before anything is put there that rests on the object.
/// Fails: corrupt (it is not there, or of another size); as head.
Result<void> check_kept(ObjectStore& store, ObjectName const& name, std::uint64_t size_bytes,
                        std::stop_token stop);

}  // namespace perdure::store
