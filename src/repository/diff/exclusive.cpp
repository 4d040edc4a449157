#include "repository/diff/exclusive.h"

#include <unordered_set>

namespace perdure::repository {

namespace {

Result<std::vector<BlobId>> content_ids(BlobReader& blobs, DomainPtr const& domain,
                                        BlobList const& list, std::stop_token stop) {
    std::vector<BlobId> ids;
    ListReader reader(blobs, domain, list);
    while (true) {
        PD_TRY(std::optional<BlobId> const id, reader.next(stop));
        if (!id) return ids;
        ids.push_back(*id);
    }
}

}  // namespace

Result<ExclusiveIds> exclusive_ids(BlobReader& blobs, DomainPtr const& domain,
                                   BlobList const& before, BlobList const& after,
                                   std::stop_token stop) {
    ExclusiveIds out;
    if (before.depth == after.depth && before.ids == after.ids) return out;
    PD_TRY(out.before, content_ids(blobs, domain, before, stop));
    PD_TRY(out.after, content_ids(blobs, domain, after, stop));
    std::unordered_set<BlobId, OpaqueHash> const old(out.before.begin(), out.before.end());
    std::unordered_set<BlobId, OpaqueHash> const fresh(out.after.begin(), out.after.end());
    std::erase_if(out.before, [&](BlobId const& id) { return fresh.contains(id); });
    std::erase_if(out.after, [&](BlobId const& id) { return old.contains(id); });
    return out;
}

Result<void> split_records(ByteView blob,
                           std::function<Result<void>(ByteView record, bool first)> const& each) {
    Decoder in(blob);
    for (bool first = true; !in.done(); first = false) {
        PD_TRY(ByteView const record, in.bytes(blob.size()));
        PD_CHECK(each(record, first));
    }
    return {};
}

}  // namespace perdure::repository
