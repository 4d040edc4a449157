#pragma once

#include <map>
#include <optional>
#include <string>

#include "repository/domain.h"
#include "store/object_store.h"
#include "system/random.h"

namespace perdure::repository {

/// What reads and writes the reasons of pins: they are a person's words, so no destination may
/// read them. docs/FORMAT.md "Pin".
struct PinSeal {
    RepositoryId const& repository;
    DomainPtr common;
};

/// A pinned snapshot is never collected or removed. docs/FORMAT.md "Pin".
/// Fails: invalid (the reason is longer than 1024 bytes); not_found (there is no such snapshot, or
/// it was deleted at this moment); as the store.
Result<void> pin(store::ObjectStore& store, PinSeal const& seal, SessionId const& id,
                 std::string const& reason, system::Random& random, std::stop_token stop);
Result<void> unpin(store::ObjectStore& store, SessionId const& id, std::stop_token stop);
/// The pin of the snapshot that is called so.
store::ObjectName pin_beside(store::ObjectName const& snapshot);
/// The reason of one pin; empty: not pinned. Asked for by name, since a listing may be stale.
Result<std::optional<std::string>> pinned(store::ObjectStore& store, PinSeal const& seal,
                                          SessionId const& id, std::stop_token stop);
/// Session id in hexadecimal → reason. A reason that cannot be opened still pins.
Result<std::map<std::string, std::string>> pins(store::ObjectStore& store, PinSeal const& seal,
                                                std::stop_token stop);
/// Whether an object is what a pin of this name holds. Reasons of early versions, in plain text,
/// prove nothing: they are whole when they can be read.
bool is_whole_pin(PinSeal const& seal, store::ObjectName const& name, ByteView object);

}  // namespace perdure::repository
