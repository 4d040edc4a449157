#include "repository/pack/frame_seal.h"

#include <unistd.h>

#include "base/codec.h"
#include "crypto/seal.h"

namespace perdure::repository {
namespace {

constexpr std::size_t commitment_bytes = 32;

Bytes associated(FrameFacts const& facts, Domain const& domain) {
    Encoder out;
    out.reserve(96);
    out.u16(format_version);
    out.u16(format_suite);
    out.raw(facts.repository.view());
    out.u8(static_cast<std::uint8_t>(facts.kind));
    out.raw(domain.handle().view());
    out.u32(domain.generation());
    out.raw(facts.salt.view());
    out.u32(facts.slot);
    out.u8(static_cast<std::uint8_t>(facts.codec));
    out.u32(facts.raw_bytes);
    return out.take();
}

crypto::Secret32 directory_key(Domain const& common, Salt const& salt) {
    return common.meta().derive({as_bytes("directory"), salt.view()});
}

crypto::Digest commitment(crypto::Secret32 const& key, Salt const& salt) {
    return crypto::HmacKey(key).mac({as_bytes("commit"), salt.view()});
}

}  // namespace

ObjectSeal::ObjectSeal(RepositoryId const& repository, ObjectKind kind, system::Random& random)
    : repository_(repository), kind_(kind), salt_(random.draw<Salt>()), process_(getpid()) {}

FrameFacts ObjectSeal::facts(std::uint32_t slot, content::Codec codec,
                             std::size_t raw_bytes) const {
    return {repository_, kind_, salt_, slot, codec, static_cast<std::uint32_t>(raw_bytes)};
}

void ObjectSeal::claim(std::uint32_t slot) {
    std::lock_guard const lock(mutex_);
    PD_ASSERT(process_ == getpid());
    if (slot == directory_slot) {
        PD_ASSERT(!directory_used_);
        directory_used_ = true;
        return;
    }
    PD_ASSERT(slot < pack_frames_max);
    if (used_.size() <= slot) used_.resize(slot + 1);
    PD_ASSERT(!used_[slot]);
    used_[slot] = true;
}

void ObjectSeal::seal_frame(Domain const& domain, FrameFacts const& facts, ByteView bytes,
                            ByteSpan into) {
    PD_ASSERT(facts.slot != directory_slot && facts.salt == salt_);
    claim(facts.slot);
    crypto::seal_once_into(domain.frame_key(salt_.view(), facts.slot), associated(facts, domain),
                           bytes, into);
}

void ObjectSeal::seal_directory(Domain const& common, ByteView bytes, Bytes& out) {
    claim(directory_slot);
    crypto::Secret32 const key = directory_key(common, salt_);
    append(out, commitment(key, salt_).view());
    FrameFacts const about = facts(directory_slot, content::Codec::stored, bytes.size());
    crypto::seal_once(key, associated(about, common), bytes, out);
}

Result<Bytes> open_frame(Domain const& domain, FrameFacts const& facts, ByteView sealed) {
    Bytes bytes = to_bytes(sealed);
    PD_CHECK(open_frame_in_place(domain, facts, bytes));
    return bytes;
}

Result<void> open_frame_in_place(Domain const& domain, FrameFacts const& facts, Bytes& sealed) {
    return crypto::open_in_place(domain.frame_key(facts.salt.view(), facts.slot),
                                 associated(facts, domain), sealed);
}

Result<Bytes> open_directory(Domain const& common, FrameFacts const& facts, ByteView sealed) {
    if (sealed.size() < commitment_bytes + crypto::seal_overhead_bytes) {
        return fail(Fault::corrupt, "a directory is too short");
    }
    crypto::Secret32 const key = directory_key(common, facts.salt);
    if (!crypto::equal_constant_time(sealed.first(commitment_bytes),
                                     commitment(key, facts.salt).view())) {
        return fail(Fault::corrupt, "a directory is damaged or was sealed under another key");
    }
    FrameFacts about = facts;
    about.slot = directory_slot;
    about.codec = content::Codec::stored;
    about.raw_bytes =
        static_cast<std::uint32_t>(sealed.size() - commitment_bytes - crypto::seal_overhead_bytes);
    return crypto::open_sealed(key, associated(about, common), sealed.subspan(commitment_bytes));
}

}  // namespace perdure::repository
