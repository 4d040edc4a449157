#pragma once

#include "repository/blob/blob_access.h"
#include "repository/keyring/keyring.h"
#include "repository/upkeep/collect/live_set.h"

namespace perdure::repository {

/// Stores blobs anew that must leave their packs (rewriting) or lie in damaged ones (salvage). The
/// packs to leave are named to Index::avoid before; the session's lease is the caller's.
/// Threads: one.
class BlobMover {
public:
    struct Place {
        std::shared_ptr<Index> index;
        BlobReader& blobs;  ///< over that index
        Domains const& domains;
        BlobWriter& writer;  ///< over that index
    };
    explicit BlobMover(Place place) : place_(std::move(place)) {}

    /// Moves what is live in this pack and has no copy outside avoided packs. Blobs of erased
    /// people are left behind. Fails: corrupt (some of it cannot be read: the pack must stay), as
    /// the store.
    Result<void> move(PackName const& pack, LiveSet const& live, std::stop_token stop);
    std::uint64_t bytes_moved() const { return bytes_moved_; }
    std::uint64_t blobs_moved() const { return blobs_moved_; }

private:
    Result<void> move_blob(FrameRecord const& frame, BlobRecord const& blob, ObjectKind kind,
                           std::stop_token stop);
    Place place_;
    std::uint64_t bytes_moved_ = 0, blobs_moved_ = 0;
};

}  // namespace perdure::repository
