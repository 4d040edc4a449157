#pragma once

#include <mutex>
#include <vector>

#include "content/codec.h"
#include "repository/domain.h"
#include "repository/pack/object_header.h"
#include "system/random.h"

namespace perdure::repository {

/// Where a sealed frame belongs: all of it is bound by the seal, so that a frame that was moved,
/// swapped or relabelled does not open. docs/FORMAT.md §frame.
struct FrameFacts {
    RepositoryId repository;
    ObjectKind kind = ObjectKind::data_pack;
    Salt salt;
    std::uint32_t slot = 0;
    content::Codec codec = content::Codec::stored;
    std::uint32_t raw_bytes = 0;
};

/// Slots of a pack below this are frames; the directory has its own.
inline constexpr std::uint32_t directory_slot = 0xFFFFFFFF;
inline constexpr std::uint32_t pack_frames_max = 1 << 20;

/// The seal of one object being written: draws its salt in memory and guards that no key is used
/// twice. Never stored, never resumed.
/// Aborts: when a slot is sealed twice; when the process was forked since the salt was drawn (both
/// halves would go on with the same keys).
/// Threads: any.
class ObjectSeal {
public:
    ObjectSeal(RepositoryId const& repository, ObjectKind kind, system::Random& random);
    Salt const& salt() const { return salt_; }
    ObjectKind kind() const { return kind_; }
    /// Seals the frame into its place, of bytes + crypto::seal_overhead_bytes.
    void seal_frame(Domain const& domain, FrameFacts const& facts, ByteView bytes, ByteSpan into);
    /// Appends commitment ‖ sealed bytes, under K_meta of the common domain: directories and index.
    void seal_directory(Domain const& common, ByteView bytes, Bytes& out);
    FrameFacts facts(std::uint32_t slot, content::Codec codec, std::size_t raw_bytes) const;

private:
    void claim(std::uint32_t slot);

    RepositoryId repository_;
    ObjectKind kind_;
    Salt salt_;
    int process_;
    std::mutex mutex_;
    std::vector<bool> used_;
    bool directory_used_ = false;
};

/// Fails: corrupt.
Result<Bytes> open_frame(Domain const& domain, FrameFacts const& facts, ByteView sealed);
/// The same in place: `sealed` becomes what was sealed.
Result<void> open_frame_in_place(Domain const& domain, FrameFacts const& facts, Bytes& sealed);
/// Opens what seal_directory made. Fails: corrupt, with the commitment checked first.
Result<Bytes> open_directory(Domain const& common, FrameFacts const& facts, ByteView sealed);

}  // namespace perdure::repository
