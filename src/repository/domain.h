#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "crypto/hash.h"

namespace perdure::repository {

using RepositoryId = Opaque<16, struct RepositoryTag>;
using Handle = Opaque<16, struct HandleTag>;  ///< random name of one erasure scope
using SessionId = Opaque<16, struct SessionTag>;
using BlobId = Opaque<32, struct BlobTag>;

/// One erasure scope: the common domain, or one generation of one person. Its secret D is random,
/// never derived; destroy D and every blob of the domain is unreadable for ever.
/// K_x = HMAC-SHA256(D, "perdure1/x" ‖ repository id ‖ handle ‖ u32 generation), x in data, id,
/// meta; each is derived at its first use: sorting a person's rows needs none of them.
/// Immutable. Threads: any.
class Domain {
public:
    Domain(RepositoryId const& repository, Handle const& handle, std::uint32_t generation,
           crypto::Secret32 const& secret);
    Handle const& handle() const { return handle_; }
    std::uint32_t generation() const { return generation_; }
    /// Names a blob by its plaintext; equal plaintexts in two domains have unrelated ids.
    BlobId blob_id(ByteView plaintext) const;
    /// HMAC(K_data, "frame" ‖ salt ‖ u32 slot).
    crypto::Secret32 frame_key(ByteView salt, std::uint32_t slot) const;
    crypto::HmacKey const& meta() const { return key(meta_, "perdure1/meta"); }

private:
    struct LazyKey {
        std::once_flag once;
        std::optional<crypto::HmacKey> key;
    };
    crypto::HmacKey const& key(LazyKey& lazy, std::string_view label) const;

    RepositoryId repository_;
    Handle handle_;
    std::uint32_t generation_;
    crypto::Secret32 secret_;
    mutable LazyKey data_, id_, meta_;
};
using DomainPtr = std::shared_ptr<Domain const>;

/// The domains whose keys this session holds.
/// Threads: any.
class Domains {
public:
    virtual ~Domains() = default;
    virtual DomainPtr common() const = 0;
    /// Fails: not_found (unknown handle); denied (erased: a tombstone stands in its place).
    virtual Result<DomainPtr> find(Handle const& handle) const = 0;
    /// The domain of a person of a source, made (and queued as a keyring addition) when new.
    virtual Result<DomainPtr> of_subject(std::string const& source, ByteView subject_key) = 0;
};

}  // namespace perdure::repository
