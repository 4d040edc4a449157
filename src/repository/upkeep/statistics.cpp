#include "repository/upkeep/statistics.h"

#include <set>

#include "repository/index/index.h"
#include "repository/keyring/keyring.h"
#include "repository/triple.h"
#include "repository/upkeep/collect/collection.h"
#include "repository/upkeep/verify/survey.h"

namespace perdure::repository {

namespace {

ObjectCount& count_for(RepositoryStatistics& all, store::ObjectName const& name) {
    if (name.starts_with("pack/d/")) return all.data_packs;
    if (name.starts_with("pack/m/")) return all.meta_packs;
    if (name.starts_with("index/")) return all.index;
    if (name.starts_with("snapshot/")) return all.snapshots;
    if (name.starts_with("keyring/")) return all.keyring;
    return all.other;
}

void count_blobs(RepositoryStatistics& all, Index const& index) {
    std::set<std::pair<crypto::Digest, std::uint32_t>> frames;
    index.for_each([&](PackRow const& pack, FrameRow const& frame, IndexEntry const& entry) {
        ++all.blobs;
        all.blob_bytes += entry.length;
        if (entry.raw_offset != 0) return;  // each frame has one blob at its front
        if (!frames.insert({pack.hash, entry.slot}).second) return;
        ++all.frames;
        all.frame_bytes += frame.stored_bytes;
    });
}

}  // namespace

std::uint64_t RepositoryStatistics::total_bytes() const {
    return data_packs.bytes + meta_packs.bytes + index.bytes + snapshots.bytes + keyring.bytes +
           other.bytes;
}

double RepositoryStatistics::compression() const {
    auto const stored = static_cast<double>(data_packs.bytes + meta_packs.bytes);
    return stored == 0 ? 0 : static_cast<double>(blob_bytes) / stored;
}

Result<RepositoryStatistics> measure(Repository& repository, std::stop_token stop) {
    RepositoryStatistics all;
    store::ObjectStore& store = repository.store();
    std::set<store::ObjectName> packs;
    PD_CHECK(store.list(
        "",
        [&](store::ObjectInfo const& info) -> Result<void> {
            bool const tombstone =
                info.name.starts_with("snapshot/") && info.size_bytes <= tombstone_object_bytes;
            ObjectCount& count = tombstone ? all.other : count_for(all, info.name);
            ++count.objects;
            count.bytes += info.size_bytes;
            all.tombstones += tombstone ? 1 : 0;
            if (info.name.starts_with("pack/")) packs.insert(info.name);
            return {};
        },
        stop));
    count_blobs(all, *repository.index());
    all.index_segments = repository.index()->segment_count();
    Keyring const& keyring = repository.keyring();
    all.subjects = keyring.subjects();
    all.erased = keyring.tombstones().size();
    all.epoch = keyring.epoch();
    PD_TRY(Timestamp const now, store.now(stop));
    PD_TRY(Survey const survey,
           survey_sessions(store, {.now = now, .fence_silent = false, .own = {}}, stop));
    all.sessions_living = survey.living.size();
    PD_TRY(auto const chains, joined_collection(store, stop));
    for (auto const& pack : chains.packs)
        all.packs_condemned += packs.contains(pack.name.text()) ? 1 : 0;
    return all;
}

}  // namespace perdure::repository
