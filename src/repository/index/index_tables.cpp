#include "repository/index/index_tables.h"

#include <algorithm>

#include "base/codec.h"

namespace perdure::repository {
namespace {

Result<std::uint32_t> limited(Decoder& in, std::uint64_t max) {
    PD_TRY(std::uint64_t value, in.varint());
    if (value > max) return fail(Fault::corrupt, "a length in an index segment is too large");
    return static_cast<std::uint32_t>(value);
}

/// A count of things that take at least least_bytes each: never more than the input can hold.
Result<std::uint32_t> counted(Decoder& in, std::size_t least_bytes) {
    PD_TRY(std::uint64_t count, in.varint());
    if (count > in.left() / least_bytes) {
        return fail(Fault::corrupt, "an index segment promises more than it holds");
    }
    return static_cast<std::uint32_t>(count);
}

Result<void> read_frame(Decoder& in, IndexTables& tables, std::uint32_t slot,
                        std::uint64_t& offset) {
    FrameRow frame;
    frame.offset = static_cast<std::uint32_t>(offset);
    PD_TRY(frame.stored_bytes, limited(in, 2 * content::frame_raw_bytes_max));
    PD_TRY(frame.codec, in.u8());
    PD_TRY(std::uint32_t blobs, counted(in, BlobPrefix::size + 1));
    offset += frame.stored_bytes;
    auto const pack = static_cast<std::uint32_t>(tables.packs.size());
    for (std::uint32_t i = 0; i < blobs; ++i) {
        PD_TRY(BlobPrefix id, in.id<BlobPrefix>());
        PD_TRY(std::uint32_t length, limited(in, content::frame_raw_bytes_max));
        tables.entries.push_back({id, pack, slot, frame.raw_bytes, length});
        frame.raw_bytes += length;
        if (frame.raw_bytes > content::frame_raw_bytes_max) {
            return fail(Fault::corrupt, "a frame is larger than any may be");
        }
    }
    tables.frames.push_back(frame);
    return {};
}

Result<void> read_pack(Decoder& in, IndexTables& tables) {
    PackRow pack;
    PD_TRY(pack.hash, in.id<crypto::Digest>());
    PD_TRY(pack.salt, in.id<Salt>());
    PD_TRY(pack.session, in.id<SessionId>());
    PD_TRY(pack.kind, in.u8());
    if (pack.kind != static_cast<std::uint32_t>(ObjectKind::data_pack) &&
        pack.kind != static_cast<std::uint32_t>(ObjectKind::meta_pack)) {
        return fail(Fault::corrupt, "an index segment names a pack of an unknown kind");
    }
    PD_TRY(pack.body_bytes, limited(in, pack_body_bytes_max));
    PD_TRY(pack.frame_count, counted(in, 3));
    pack.first_frame = static_cast<std::uint32_t>(tables.frames.size());
    std::uint64_t offset = object_header_bytes;
    for (std::uint32_t i = 0; i < pack.frame_count; ++i) {
        PD_CHECK(read_frame(in, tables, i, offset));
        if (offset > pack.body_bytes) {
            return fail(Fault::corrupt, "a frame in an index segment lies outside its pack");
        }
    }
    tables.packs.push_back(pack);
    return {};
}

}  // namespace

BlobPrefix prefix_of(BlobId const& id) {
    BlobPrefix prefix;
    std::memcpy(prefix.bytes.data(), id.bytes.data(), BlobPrefix::size);
    return prefix;
}

void IndexTables::add(PackName const& name, PackDirectory const& directory) {
    PackRow row;
    row.hash = name.hash;
    row.salt = directory.salt;
    row.session = name.session;
    row.kind = static_cast<std::uint32_t>(name.kind);
    row.first_frame = static_cast<std::uint32_t>(frames.size());
    row.frame_count = static_cast<std::uint32_t>(directory.frames.size());
    row.body_bytes = directory.body_bytes;
    auto const pack = static_cast<std::uint32_t>(packs.size());
    packs.push_back(row);
    for (FrameRecord const& frame : directory.frames) {
        auto const slot = static_cast<std::uint32_t>(frames.size()) - row.first_frame;
        frames.push_back({frame.offset, frame.stored_bytes, frame.raw_bytes,
                          static_cast<std::uint32_t>(frame.codec)});
        std::uint32_t raw_offset = 0;
        for (BlobRecord const& blob : frame.blobs) {
            entries.push_back({prefix_of(blob.id), pack, slot, raw_offset, blob.length});
            raw_offset += blob.length;
        }
    }
}

Bytes IndexTables::encode() const {
    Encoder out;
    out.reserve(entries.size() * 19 + frames.size() * 6 + packs.size() * 90 + 64);
    out.varint(supersedes.size());
    for (crypto::Digest const& segment : supersedes) out.raw(segment.view());
    out.varint(packs.size());
    std::size_t at = 0;
    for (std::uint32_t p = 0; p < packs.size(); ++p) {
        PackRow const& pack = packs[p];
        out.raw(pack.hash.view());
        out.raw(pack.salt.view());
        out.raw(pack.session.view());
        out.u8(static_cast<std::uint8_t>(pack.kind));
        out.varint(pack.body_bytes);
        out.varint(pack.frame_count);
        for (std::uint32_t slot = 0; slot < pack.frame_count; ++slot) {
            FrameRow const& frame = frames[pack.first_frame + slot];
            std::size_t end = at;
            while (end < entries.size() && entries[end].pack == p && entries[end].slot == slot)
                ++end;
            out.varint(frame.stored_bytes);
            out.u8(static_cast<std::uint8_t>(frame.codec));
            out.varint(end - at);
            for (; at < end; ++at) {
                out.raw(entries[at].id.view());
                out.varint(entries[at].length);
            }
        }
    }
    PD_ASSERT(at == entries.size());
    return out.take();
}

namespace {

Result<std::vector<crypto::Digest>> read_superseded(Decoder& in) {
    std::vector<crypto::Digest> names;
    PD_TRY(std::uint32_t replaced, counted(in, crypto::Digest::size));
    for (std::uint32_t i = 0; i < replaced; ++i) {
        PD_TRY(crypto::Digest segment, in.id<crypto::Digest>());
        if (!names.empty() && names.back() >= segment) {
            return fail(Fault::corrupt, "an index segment's list is not in order");
        }
        names.push_back(segment);
    }
    return names;
}

}  // namespace

Result<bool> IndexTables::are_in(ByteView bytes) const {
    Decoder in(bytes);
    PD_TRY(auto const superseded, read_superseded(in));
    PD_TRY(std::uint32_t const count, counted(in, 80));
    if (superseded != supersedes || count != packs.size()) return false;
    std::size_t at = 0;
    IndexTables one;
    for (std::uint32_t p = 0; p < count; ++p) {
        one.packs.clear();
        one.frames.clear();
        one.entries.clear();
        PD_CHECK(read_pack(in, one));
        PackRow pack = one.packs.front();
        pack.first_frame = packs[p].first_frame;
        if (pack != packs[p] || frames.size() - pack.first_frame < one.frames.size() ||
            entries.size() - at < one.entries.size() ||
            !std::ranges::equal(one.frames,
                                std::span(frames).subspan(pack.first_frame, one.frames.size()))) {
            return false;
        }
        for (IndexEntry entry : one.entries) {
            entry.pack = p;
            if (entries[at++] != entry) return false;
        }
    }
    PD_CHECK(in.expect_end());
    return at == entries.size();
}

Result<IndexTables> IndexTables::decode(ByteView bytes) {
    Decoder in(bytes);
    IndexTables tables;
    PD_TRY(tables.supersedes, read_superseded(in));
    PD_TRY(std::uint32_t packs, counted(in, 80));
    for (std::uint32_t i = 0; i < packs; ++i) PD_CHECK(read_pack(in, tables));
    PD_CHECK(in.expect_end());
    return tables;
}

}  // namespace perdure::repository
