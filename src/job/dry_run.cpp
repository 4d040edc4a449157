#include "job/dry_run.h"

namespace perdure::job {

Result<repository::BlobId> DryRunWriter::put(repository::DomainPtr const& domain,
                                             ByteView plaintext, Put) {
    auto const id = domain->blob_id(plaintext);
    std::lock_guard lock(mutex_);
    if (known_.knows(id) || !seen_.insert(id).second) {
        ++statistics_.blobs_known;
    } else {
        ++statistics_.blobs_new;
        statistics_.bytes_new += plaintext.size();
    }
    return id;
}

Result<void> DryRunWriter::finish(std::stop_token) {
    return {};
}

repository::BlobStatistics DryRunWriter::statistics() const {
    std::lock_guard lock(mutex_);
    return statistics_;
}

}  // namespace perdure::job
