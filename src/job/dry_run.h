#pragma once

#include <mutex>
#include <unordered_set>

#include "repository/blob_store.h"

namespace perdure::job {

/// Counts what a backup would store, and stores nothing.
/// Threads: put from any.
class DryRunWriter : public repository::BlobWriter {
public:
    explicit DryRunWriter(repository::BlobReader& known) : known_(known) {}
    Result<repository::BlobId> put(repository::DomainPtr const& domain, ByteView plaintext,
                                   Put options) override;
    Result<void> finish(std::stop_token stop) override;
    repository::BlobStatistics statistics() const override;

private:
    repository::BlobReader& known_;
    mutable std::mutex mutex_;
    std::unordered_set<repository::BlobId, OpaqueHash> seen_;
    repository::BlobStatistics statistics_;
};

}  // namespace perdure::job
