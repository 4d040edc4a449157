#pragma once

#include <mutex>
#include <optional>
#include <unordered_map>

#include "crypto/secret.h"
#include "repository/blob_store.h"
#include "system/file.h"

namespace perdure::job {

/// Blobs on top of a repository that is not written to: what a backup would store now stays here,
/// so that the live source can be compared like a snapshot.
/// Memory: 64 MiB of plaintext, then a scratch file whose pieces are sealed under keys that exist
/// in memory only; about 100 B a new blob. Threads: any.
class OverlayBlobs final : public repository::BlobWriter, public repository::BlobReader {
public:
    /// `base` outlives this; `scratch_parent` empty: TMPDIR.
    OverlayBlobs(repository::BlobReader& base, system::Path scratch_parent);
    ~OverlayBlobs() override;

    Result<repository::BlobId> put(repository::DomainPtr const& domain, ByteView plaintext,
                                   Put options) override;
    Result<void> finish(std::stop_token stop) override;
    repository::BlobStatistics statistics() const override;

    bool knows(repository::BlobId const& id) const override;
    Result<repository::BlobView> read(repository::BlobId const& id,
                                      repository::DomainPtr const& domain,
                                      std::stop_token stop) override;
    std::optional<repository::BlobPlace> place(repository::BlobId const& id) const override;
    Result<std::optional<repository::BlobId>> base_of(repository::BlobId const& id,
                                                      std::stop_token stop) override;

private:
    struct Kept {
        std::shared_ptr<Bytes const> bytes;  ///< null: in the file
        std::uint64_t offset = 0, number = 0;
        std::size_t sealed = 0;
    };
    Result<void> spill(ByteView plaintext, Kept& kept);

    repository::BlobReader& base_;
    system::Path scratch_parent_;
    mutable std::mutex mutex_;
    std::unordered_map<repository::BlobId, Kept, OpaqueHash> kept_;
    std::size_t memory_bytes_ = 0;
    std::optional<system::ScratchFolder> scratch_;
    system::File file_;
    std::uint64_t file_bytes_ = 0, spilled_ = 0;
    crypto::HmacKey key_;
    repository::BlobStatistics statistics_;
};

}  // namespace perdure::job
