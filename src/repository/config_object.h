#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "repository/domain.h"
#include "store/object_store.h"

namespace perdure::repository {

using DestinationId = Opaque<16, struct DestinationTag>;

/// The object `config`: what a repository is, in plain text and without secrets; the keyring's
/// manifest holds its hash. docs/FORMAT.md §config.
struct RepositoryConfig {
    RepositoryId repository;
    DestinationId destination;  ///< of the place where it was made; copies have it, too
    Timestamp created;
    bool parity = true;
    std::string label;
    /// Features of a later program: one that does not know all of them reads and changes nothing.
    std::uint32_t read_only_features = 0;

    Bytes encode() const;
    /// Fails: corrupt code 14; unsupported code 1 (a newer format, named).
    static Result<RepositoryConfig> decode(ByteView body);
};

/// Which repository a place says that it holds; empty: it has no config. Needs no key.
/// Fails: corrupt, unsupported (nobody can tell); as ObjectStore::read.
Result<std::optional<RepositoryId>> repository_at(store::ObjectStore& store, std::stop_token stop);

/// Whether a place that failed once answers at all. Of one that does not, nothing should be asked
/// any more: each question would wait for as long as the first.
bool answers(store::ObjectStore& store, std::stop_token stop);

/// Whether a place holds more of a repository than what a creation that was interrupted leaves.
Result<bool> holds_objects(store::ObjectStore& store, std::stop_token stop);

}  // namespace perdure::repository
