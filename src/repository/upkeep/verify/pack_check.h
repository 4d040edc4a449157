#pragma once

#include <optional>
#include <string>

#include "repository/pack/pack.h"

namespace perdure::repository {

enum class PackHealth {
    whole,        ///< body proven by its hash, parity suffix as it should be
    parity_lost,  ///< body proven; the suffix is damaged
    repairable,   ///< body damaged; parity gave it back
    damaged,      ///< beyond parity
    missing,
    unreadable,  ///< the store failed; it may be whole
};

struct CheckedPack {
    PackHealth health = PackHealth::missing;
    /// Of whole, parity_lost and repairable: the body, followed by its parity suffix where it has
    /// one.
    Bytes object;
    std::size_t body_bytes = 0;
    std::string detail;
    bool has_body() const { return health <= PackHealth::repairable; }
    ByteView body() const { return ByteView(object).first(body_bytes); }
};

struct KnownOfPack {
    /// Where the index knows it: a suffix that was cut off then does not make the body look
    /// damaged.
    std::optional<std::uint64_t> body_bytes;
    bool parity = false;  ///< packs of this repository bear a suffix: one without has lost it
};

/// Reads a whole pack and proves it. Fails: cancelled only. Memory: the object, at most 64 MiB.
Result<CheckedPack> check_pack(store::ObjectStore& store, PackName const& name,
                               KnownOfPack const& known, std::stop_token stop);

}  // namespace perdure::repository
