#include "repository/domain.h"

#include "base/codec.h"

namespace perdure::repository {

Domain::Domain(RepositoryId const& repository, Handle const& handle, std::uint32_t generation,
               crypto::Secret32 const& secret)
    : repository_(repository), handle_(handle), generation_(generation), secret_(secret) {}

crypto::HmacKey const& Domain::key(LazyKey& lazy, std::string_view label) const {
    std::call_once(lazy.once, [&] {
        Encoder number;
        number.u32(generation_);
        lazy.key.emplace(crypto::HmacKey(secret_).derive(
            {as_bytes(label), repository_.view(), handle_.view(), number.view()}));
    });
    return *lazy.key;
}

BlobId Domain::blob_id(ByteView plaintext) const {
    BlobId id;
    id.bytes = key(id_, "perdure1/id").mac(plaintext).bytes;
    return id;
}

crypto::Secret32 Domain::frame_key(ByteView salt, std::uint32_t slot) const {
    std::array<std::byte, 4> number;
    for (int i = 0; i < 4; ++i) {
        number[static_cast<std::size_t>(i)] = std::byte{static_cast<std::uint8_t>(slot >> (8 * i))};
    }
    return key(data_, "perdure1/data").derive({as_bytes("frame"), salt, number});
}

}  // namespace perdure::repository
