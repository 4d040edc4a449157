#pragma once

#include <functional>
#include <stop_token>

#include "repository/pack/pack_directory.h"
#include "store/object_store.h"

namespace perdure::repository {

inline constexpr std::size_t pack_body_bytes_max = 48 << 20;
inline constexpr std::size_t pack_object_bytes_max = 64 << 20;
inline constexpr std::size_t pack_footer_bytes = 16;

/// What a pack is called: "pack/d/<session>-<hash>", or pack/m/ for metadata.
struct PackName {
    ObjectKind kind = ObjectKind::data_pack;
    SessionId session;
    crypto::Digest hash;  ///< SHA-256 of the body

    store::ObjectName text() const;
    /// Fails: invalid, when it is no pack's name.
    static Result<PackName> parse(store::ObjectName const& name);
    auto operator<=>(PackName const&) const = default;
};

/// The keys and the place to read packs with.
struct PackSource {
    store::ObjectStore& store;
    RepositoryId repository;
    DomainPtr common;
};

/// Closes a body whose header and frames are written: appends directory, padding and footer.
void append_directory(ObjectSeal& seal, Domain const& common, PackDirectory const& directory,
                      Bytes& body);

/// The directory inside a whole, intact body. Fails: corrupt; unsupported.
Result<PackDirectory> parse_pack(ByteView body, ObjectKind kind, RepositoryId const& repository,
                                 Domain const& common);

/// Reads only the ends of the pack; falls back to the whole object and its parity where they are
/// damaged. Fails: not_found; corrupt; unsupported; unavailable.
Result<PackDirectory> read_pack_directory(PackSource const& source, PackName const& name,
                                          std::stop_token stop);

/// The body of a pack, whose hash fits its name, repaired by parity when need be.
struct PackBody {
    Bytes body;
    bool repaired = false;  ///< the object in the store is damaged: write it again
};
/// Fails: not_found; corrupt (beyond repair); unavailable.
Result<PackBody> read_pack(PackSource const& source, PackName const& name, std::stop_token stop);

/// The body with all that parity can repair, for salvaging single frames. Fails as read.
Result<Bytes> salvage_pack(PackSource const& source, PackName const& name, std::stop_token stop);

/// Opens and decodes one frame of a body; `prefix` for codec zstd_prefix.
/// Fails: corrupt.
Result<Bytes> decode_frame(Domain const& domain, FrameFacts const& facts, Bytes sealed,
                           ByteView prefix);

}  // namespace perdure::repository
