#pragma once

#include <optional>

#include "repository/keyring/manifest.h"

namespace perdure::repository {

/// What this machine saw last of a keyring, so that an older one or another one of the same epoch
/// is noticed.
struct Pin {
    RepositoryId repository;
    std::uint64_t epoch = 0;
    crypto::Digest hash;
};

/// Empty when there is none that can be read: it lies in a cache, and a cache that was lost, or
/// damaged, must keep nobody from a restore.
std::optional<Pin> read_pin(system::Path const& file);
Result<void> write_pin(system::Path const& file, Pin const& pin);
/// An error that tells of an older state than one that was seen begins so, within whatever context.
inline constexpr std::string_view rollback_begins = "rollback: ";
bool is_rollback(Error const& error);
/// Fails: corrupt code 14 (is_rollback), conflict code 14 (fork, or another repository's pin).
Result<void> check_pin(Pin const& pin, OpenedManifest const& found);

}  // namespace perdure::repository
