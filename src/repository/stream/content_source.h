#pragma once

#include <functional>

#include "data/stream.h"
#include "repository/stream/blob_list.h"
#include "repository/stream/workers.h"

namespace perdure::repository {

/// Reads the content behind a list of blobs; the blobs ahead are fetched, opened and decompressed
/// by the workers meanwhile. Memory: threads + 1 frames. Threads: one.
class ContentSource final : public data::ByteSource {
public:
    ContentSource(BlobReader& blobs, DomainPtr domain, BlobList const& list, data::Entry entry,
                  Workers& workers, std::stop_token stop);
    ~ContentSource() override;
    Result<std::size_t> read(ByteSpan into) override;
    Result<data::Entry> entry_after_reading() override { return entry_; }
    /// Why reading failed, if it did: tells a damaged repository from a target that refused.
    std::optional<Error> const& failure() const { return failure_; }
    /// Called with the size of each blob when its first byte is read.
    std::function<void(std::uint64_t bytes)> on_bytes;

private:
    struct Fetch;
    Result<void> take_next_id();
    Result<std::shared_ptr<Fetch>> next_group();
    Result<void> fetch_ahead();
    Result<bool> advance();
    Result<std::size_t> fill(ByteSpan into);

    BlobReader& blobs_;
    DomainPtr domain_;
    ListReader ids_;
    std::uint64_t left_bytes_;
    data::Entry entry_;
    Workers& workers_;
    std::stop_token stop_;
    std::deque<std::shared_ptr<Fetch>> ahead_;
    std::optional<BlobId> next_;  ///< the first that no fetch holds
    bool ids_ended_ = false;
    BlobView blob_;
    ByteView rest_;
    std::optional<Error> failure_;
};

}  // namespace perdure::repository
