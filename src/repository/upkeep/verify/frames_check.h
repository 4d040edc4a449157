#pragma once

#include <functional>

#include "repository/blob/blob_access.h"
#include "repository/keyring/keyring.h"
#include "repository/upkeep/finding.h"

namespace perdure::repository {

struct FramesChecked {
    std::uint64_t blobs_read = 0, blobs_erased = 0;
};

struct FramesPlace {
    Index const& index;
    BlobReader& blobs;  ///< for the predecessors of deltas
    Domains const& domains;
};

/// Opens every frame of a proven body and recomputes every blob's id: bytes may be exactly what was
/// written, and yet garbage (restic #4523: the encoder wrote bad frames). Also asks the index for
/// each blob (restic #21820: an index rewrite dropped entries). Each fault is told to `tell`.
/// Fails: cancelled; unavailable (of a predecessor's pack).
Result<FramesChecked> check_frames(FramesPlace const& place, PackName const& name, ByteView body,
                                   std::function<void(Finding)> const& tell, std::stop_token stop);

}  // namespace perdure::repository
