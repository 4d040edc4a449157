#pragma once

#include <memory>

#include "store/object_store.h"

namespace perdure::store {

/// Refuses every change with denied: for reading other people's repositories, and the one place
/// that makes a dry run dry. `store` outlives the wrapper when given by reference.
std::shared_ptr<ObjectStore> read_only(std::shared_ptr<ObjectStore> store);
std::shared_ptr<ObjectStore> read_only(ObjectStore& store);

}  // namespace perdure::store
