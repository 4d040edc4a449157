#include "repository/domain.h"

#include "base/codec.h"

namespace perdure::repository {

namespace {

crypto::Secret32 purpose_key(crypto::HmacKey const& root, std::string_view label,
                             RepositoryId const& repository, Handle const& handle,
                             std::uint32_t generation) {
    Encoder number;
    number.u32(generation);
    return root.derive({as_bytes(label), repository.view(), handle.view(), number.view()});
}

}  // namespace

Domain::Domain(RepositoryId const& repository, Handle const& handle, std::uint32_t generation,
               crypto::Secret32 const& secret)
    : handle_(handle),
      generation_(generation),
      data_(purpose_key(crypto::HmacKey(secret), "perdure1/data", repository, handle, generation)),
      id_(purpose_key(crypto::HmacKey(secret), "perdure1/id", repository, handle, generation)),
      meta_(purpose_key(crypto::HmacKey(secret), "perdure1/meta", repository, handle, generation)) {
}

BlobId Domain::blob_id(ByteView plaintext) const {
    BlobId id;
    id.bytes = id_.mac(plaintext).bytes;
    return id;
}

crypto::Secret32 Domain::frame_key(ByteView salt, std::uint32_t slot) const {
    std::array<std::byte, 4> number;
    for (int i = 0; i < 4; ++i) {
        number[static_cast<std::size_t>(i)] = std::byte{static_cast<std::uint8_t>(slot >> (8 * i))};
    }
    return data_.derive({as_bytes("frame"), salt, number});
}

}  // namespace perdure::repository
