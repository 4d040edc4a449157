#pragma once

#include <memory>
#include <string_view>

#include "store/object_store.h"

namespace perdure::store {

/// Everything below is the keyring: its manifests, shards and additions.
inline constexpr std::string_view keyring_prefix = "keyring/";
inline bool is_of_keyring(std::string_view name) {
    return name.starts_with(keyring_prefix);
}

/// A place that is no key home: whoever asks, it shows nothing of the keyring and takes nothing of
/// it. So nobody who copies, mends or deletes objects has to think of it.
/// Below keyring/: put fails with denied; read and head with not_found; list passes over; remove
/// does nothing.
std::shared_ptr<ObjectStore> keyless(std::shared_ptr<ObjectStore> place);

/// The place behind what keyless() made, with what it held as a key home; null for others.
ObjectStore* behind_keyless(ObjectStore& place);

}  // namespace perdure::store
