#include "repository/upkeep/collect/rewrite.h"

#include <fmt/core.h>

#include "repository/stream/content_writer.h"

namespace perdure::repository {

namespace {

BlobClass class_of(ObjectKind kind, FrameRecord const& frame, BlobRecord const& blob) {
    if (kind == ObjectKind::meta_pack) return BlobClass::meta;
    if (frame.base) return BlobClass::rows;
    return content_class(blob.length);
}

}  // namespace

Result<void> BlobMover::move(PackName const& pack, LiveSet const& live, std::stop_token stop) {
    PD_TRY(PackDirectory const directory, read_pack_directory(place_.index->source(), pack, stop));
    for (FrameRecord const& frame : directory.frames) {
        for (BlobRecord const& blob : frame.blobs) {
            if (!live.contains(prefix_of(blob.id)) || place_.index->knows(blob.id)) continue;
            auto moved = move_blob(frame, blob, pack.kind, stop);
            if (!moved)
                return std::move(moved).error().within(
                    fmt::format("moving out of {}", pack.text()));
        }
    }
    return {};
}

Result<void> BlobMover::move_blob(FrameRecord const& frame, BlobRecord const& blob, ObjectKind kind,
                                  std::stop_token stop) {
    auto const domain = place_.domains.find(frame.handle);
    if (!domain) {
        if (domain.error().fault() == Fault::denied) return {};
        return domain.error();
    }
    PD_TRY(BlobView const view, place_.blobs.read(blob.id, *domain, stop));
    BlobWriter::Put put;
    put.blob_class = class_of(kind, frame, blob);
    put.compressible = frame.codec != content::Codec::stored;
    BlobView base;
    if (frame.base) {
        // The base stays live as long as its delta: rosters name both.
        PD_TRY(base, place_.blobs.read(*frame.base, *domain, stop));
        put.base = frame.base;
        put.base_plaintext = base.view();
    }
    PD_TRY(BlobId const stored, place_.writer.put(*domain, view.view(), put));
    if (stored != blob.id)
        return fail(Fault::corrupt,
                    fmt::format("blob {} became {}", to_hex(blob.id), to_hex(stored)));
    ++blobs_moved_;
    bytes_moved_ += blob.length;
    return {};
}

}  // namespace perdure::repository
