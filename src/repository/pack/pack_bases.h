#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "repository/pack/pack.h"

namespace perdure::repository {

/// Which blob each delta of a pack is based on, from the pack's directory; the last packs asked for
/// are remembered.
/// Threads: any.
class PackBases {
public:
    explicit PackBases(PackSource source) : source_(std::move(source)) {}
    /// Fails: corrupt, when the frame in this slot names no base; as read_pack_directory.
    Result<BlobId> base(PackName const& pack, std::uint32_t slot, std::stop_token stop);

private:
    using Map = std::map<std::uint32_t, BlobId>;
    Result<std::shared_ptr<Map const>> load(PackName const& pack, std::stop_token stop);

    PackSource source_;
    std::mutex mutex_;
    std::map<crypto::Digest, std::shared_ptr<Map const>> packs_;
};

}  // namespace perdure::repository
