#pragma once

#include <optional>

#include "store/object_store.h"

namespace perdure::repository {

/// What the name of an object tells about its form.
enum class ObjectForm {
    pack,       ///< proven by the hash in its name, repairable by parity
    segment,    ///< of the index: proven by the hash in its name
    triple,     ///< config, snapshots, keyring, collections, fences: proven by its checksums
    plain,      ///< pins, readme: short texts that nothing proves
    transient,  ///< leases: of one destination and moment
};
ObjectForm form_of(store::ObjectName const& name);
/// Where everything lies that is stored as three copies of a body.
inline constexpr char const* triple_prefixes[] = {"config", "snapshot/", "keyring/", "collect/",
                                                  "fence/"};

/// Reads an object and proves it as far as its form allows; damage that it carries the remedy for
/// is mended on the way. Empty when the object is damaged beyond that. Fails: not_found;
/// unavailable; cancelled.
Result<std::optional<Bytes>> read_proven(store::ObjectStore& store, store::ObjectName const& name,
                                         std::stop_token stop);

}  // namespace perdure::repository
