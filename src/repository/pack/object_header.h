#pragma once

#include "base/bytes.h"
#include "base/result.h"

namespace perdure::repository {

/// What an object of the repository is; part of the format and of what every seal binds.
enum class ObjectKind : std::uint8_t { data_pack = 1, meta_pack = 2, index = 3 };

/// 32 random bytes of one object, from which every key inside it is derived.
using Salt = Opaque<32, struct ObjectSaltTag>;

inline constexpr std::uint16_t format_version = 1, format_suite = 1;
inline constexpr std::size_t object_header_bytes = 64;

/// The 64 bytes that packs and index objects begin with. docs/FORMAT.md §object-header.
/// Unknown bits of `compatible` may be ignored, of `read_only` forbid writing, of `incompatible`
/// forbid reading.
struct ObjectHeader {
    ObjectKind kind = ObjectKind::data_pack;
    Salt salt;
    std::uint32_t compatible = 0, read_only = 0, incompatible = 0;

    Bytes encode() const;
    /// Fails: corrupt (no such header, or of another kind); unsupported (a newer version, another
    /// suite or an unknown incompatible feature, named).
    static Result<ObjectHeader> parse(ByteView bytes, ObjectKind expected);
};

}  // namespace perdure::repository
