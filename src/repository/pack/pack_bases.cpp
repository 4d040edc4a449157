#include "repository/pack/pack_bases.h"

namespace perdure::repository {
namespace {
constexpr std::size_t packs_max = 64;
}

Result<BlobId> PackBases::base(PackName const& pack, std::uint32_t slot, std::stop_token stop) {
    PD_TRY(std::shared_ptr<Map const> bases, load(pack, std::move(stop)));
    auto const found = bases->find(slot);
    if (found == bases->end()) {
        return fail(Fault::corrupt, "a delta in " + pack.text() + " names no base");
    }
    return found->second;
}

Result<std::shared_ptr<PackBases::Map const>> PackBases::load(PackName const& pack,
                                                              std::stop_token stop) {
    {
        std::lock_guard const lock(mutex_);
        if (auto const found = packs_.find(pack.hash); found != packs_.end()) return found->second;
    }
    PD_TRY(PackDirectory directory, read_pack_directory(source_, pack, std::move(stop)));
    auto bases = std::make_shared<Map>();
    for (std::uint32_t slot = 0; slot < directory.frames.size(); ++slot) {
        if (auto const& base = directory.frames[slot].base) bases->emplace(slot, *base);
    }
    std::lock_guard const lock(mutex_);
    if (packs_.size() >= packs_max) packs_.erase(packs_.begin());
    packs_[pack.hash] = bases;
    return std::shared_ptr<Map const>(std::move(bases));
}

}  // namespace perdure::repository
