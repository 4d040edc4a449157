#include "repository/pack/object_header.h"

#include "base/codec.h"
#include "content/parity.h"
#include "repository/preamble.h"

namespace perdure::repository {
namespace {

std::string_view magic_of(ObjectKind kind) {
    switch (kind) {
        case ObjectKind::data_pack:
            return "PDPD";
        case ObjectKind::meta_pack:
            return "PDPM";
        case ObjectKind::index:
            return "PDIX";
    }
    PD_ASSERT(!"an object kind without a magic");
    return {};
}

}  // namespace

Bytes ObjectHeader::encode() const {
    Encoder out;
    out.reserve(object_header_bytes);
    Preamble{.compatible = compatible, .read_only = read_only, .incompatible = incompatible}.encode(
        out, magic_of(kind));
    out.raw(salt.view());
    out.u64(0);
    out.u32(content::crc32c(out.view()));
    PD_ASSERT(out.size() == object_header_bytes);
    return out.take();
}

Result<ObjectHeader> ObjectHeader::parse(ByteView bytes, ObjectKind expected) {
    if (bytes.size() < object_header_bytes) {
        return fail(Fault::corrupt, "the object is shorter than its header");
    }
    bytes = bytes.first(object_header_bytes);
    // The sum comes first: a flipped bit must read as damage, never as a newer format.
    PD_TRY(std::uint32_t const sum, Decoder(bytes.last(4)).u32());
    if (sum != content::crc32c(bytes.first(bytes.size() - 4))) {
        return fail(Fault::corrupt, "the header of the object is damaged");
    }
    Decoder in(bytes);
    PD_TRY(Preamble const preamble, Preamble::decode(in, magic_of(expected)));
    ObjectHeader header{.kind = expected,
                        .compatible = preamble.compatible,
                        .read_only = preamble.read_only,
                        .incompatible = preamble.incompatible};
    PD_TRY(header.salt, in.id<Salt>());
    return header;
}

}  // namespace perdure::repository
