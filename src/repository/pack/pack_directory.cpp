#include "repository/pack/pack_directory.h"

#include <unordered_map>

#include "base/codec.h"
#include "crypto/seal.h"

namespace perdure::repository {
namespace {

using DomainName = std::pair<Handle, std::uint32_t>;
struct NameHash {
    std::size_t operator()(DomainName const& name) const {
        return OpaqueHash{}(name.first) + name.second;
    }
};

Result<std::uint32_t> limited(Decoder& in, std::uint64_t max) {
    PD_TRY(std::uint64_t value, in.varint());
    if (value > max) return fail(Fault::corrupt, "a length in a directory is too large");
    return static_cast<std::uint32_t>(value);
}

Result<std::vector<DomainName>> read_domains(Decoder& in) {
    PD_TRY(std::uint32_t count, limited(in, pack_frames_max));
    if (count > in.left() / (Handle::size + 1)) {
        return fail(Fault::corrupt, "a directory names more domains than it holds");
    }
    std::vector<DomainName> domains(count);
    for (auto& [handle, generation] : domains) {
        PD_TRY(handle, in.id<Handle>());
        PD_TRY(generation, limited(in, UINT32_MAX));
    }
    return domains;
}

Result<FrameRecord> read_frame(Decoder& in, std::vector<DomainName> const& domains) {
    FrameRecord frame;
    PD_TRY(frame.stored_bytes, limited(in, 2 * content::frame_raw_bytes_max));
    PD_TRY(std::uint8_t codec, in.u8());
    frame.codec = content::Codec{codec};
    PD_TRY(std::uint32_t domain, limited(in, UINT32_MAX));
    if (domain >= domains.size()) return fail(Fault::corrupt, "a frame of an unknown domain");
    std::tie(frame.handle, frame.generation) = domains[domain];
    if (frame.codec == content::Codec::zstd_prefix) {
        PD_TRY(frame.base, in.id<BlobId>());
    }
    PD_TRY(std::uint32_t blobs, limited(in, UINT32_MAX));
    if (blobs > in.left() / (BlobId::size + 1)) {
        return fail(Fault::corrupt, "a frame names more blobs than the directory holds");
    }
    frame.blobs.resize(blobs);
    std::uint64_t raw_bytes = 0;
    for (BlobRecord& blob : frame.blobs) {
        PD_TRY(blob.id, in.id<BlobId>());
        PD_TRY(blob.length, limited(in, content::frame_raw_bytes_max));
        raw_bytes += blob.length;
    }
    if (raw_bytes > content::frame_raw_bytes_max) {
        return fail(Fault::corrupt, "a frame is larger than any may be");
    }
    frame.raw_bytes = static_cast<std::uint32_t>(raw_bytes);
    return frame;
}

}  // namespace

Bytes PackDirectory::encode() const {
    std::unordered_map<DomainName, std::size_t, NameHash> numbers;
    std::vector<DomainName> domains;
    std::size_t blobs = 0;
    for (FrameRecord const& frame : frames) {
        DomainName const name{frame.handle, frame.generation};
        if (numbers.emplace(name, domains.size()).second) domains.push_back(name);
        blobs += frame.blobs.size();
    }
    Encoder out;
    out.reserve(domains.size() * 20 + frames.size() * 16 + blobs * 36);
    out.varint(domains.size());
    for (auto const& [handle, generation] : domains) {
        out.raw(handle.view());
        out.varint(generation);
    }
    out.varint(frames.size());
    for (FrameRecord const& frame : frames) {
        out.varint(frame.stored_bytes);
        out.u8(static_cast<std::uint8_t>(frame.codec));
        out.varint(numbers[{frame.handle, frame.generation}]);
        if (frame.codec == content::Codec::zstd_prefix) out.raw(frame.base.value().view());
        out.varint(frame.blobs.size());
        for (BlobRecord const& blob : frame.blobs) {
            out.raw(blob.id.view());
            out.varint(blob.length);
        }
    }
    return out.take();
}

Result<PackDirectory> PackDirectory::decode(ByteView bytes, std::uint64_t frames_end) {
    Decoder in(bytes);
    PD_TRY(std::vector<DomainName> domains, read_domains(in));
    PD_TRY(std::uint32_t count, limited(in, pack_frames_max));
    if (count > in.left() / 4) {
        return fail(Fault::corrupt, "a directory names more frames than it holds");
    }
    PackDirectory directory;
    directory.frames.reserve(count);
    std::uint64_t offset = object_header_bytes;
    for (std::uint32_t i = 0; i < count; ++i) {
        PD_TRY(FrameRecord frame, read_frame(in, domains));
        frame.offset = static_cast<std::uint32_t>(offset);
        offset += frame.stored_bytes;
        if (offset > frames_end || frame.stored_bytes < crypto::seal_overhead_bytes) {
            return fail(Fault::corrupt, "a frame lies outside its pack");
        }
        directory.frames.push_back(std::move(frame));
    }
    PD_CHECK(in.expect_end());
    if (offset != frames_end) return fail(Fault::corrupt, "a pack has bytes that no frame owns");
    return directory;
}

}  // namespace perdure::repository
