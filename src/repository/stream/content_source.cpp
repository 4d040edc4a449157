#include "repository/stream/content_source.h"

#include <algorithm>
#include <atomic>

namespace perdure::repository {

struct ContentSource::Fetch {
    BlobId id;
    std::optional<Result<BlobView>> blob;
    std::atomic<bool> done = false;
};

ContentSource::ContentSource(BlobReader& blobs, DomainPtr domain, BlobList const& list,
                             data::Entry entry, Workers& workers, std::stop_token stop)
    : blobs_(blobs),
      domain_(domain),
      ids_(blobs, domain, list),
      left_bytes_(list.length_bytes),
      entry_(std::move(entry)),
      workers_(workers),
      stop_(std::move(stop)) {}

ContentSource::~ContentSource() {
    for (auto const& fetch : ahead_) {
        workers_.help_until([&] { return fetch->done.load(std::memory_order_acquire); });
    }
}

Result<void> ContentSource::fetch_ahead() {
    while (!ids_ended_ && ahead_.size() < workers_.threads() + 2u) {
        PD_TRY(std::optional<BlobId> const id, ids_.next(stop_));
        if (!id) {
            ids_ended_ = true;
            break;
        }
        auto fetch = std::make_shared<Fetch>();
        fetch->id = *id;
        ahead_.push_back(fetch);
        // The last (often only) blob of a short content is fetched where it is needed.
        if (ahead_.size() == 1 && left_bytes_ < (256u << 10)) {
            fetch->blob.emplace(blobs_.read(fetch->id, domain_, stop_));
            fetch->done = true;
            continue;
        }
        workers_.submit_urgent([fetch, &blobs = blobs_, domain = domain_, stop = stop_] {
            fetch->blob.emplace(blobs.read(fetch->id, domain, stop));
            fetch->done.store(true, std::memory_order_release);
        });
    }
    return {};
}

Result<bool> ContentSource::advance() {
    rest_ = {};
    PD_CHECK(fetch_ahead());
    if (ahead_.empty()) {
        if (left_bytes_ != 0) return fail(Fault::corrupt, "a content ends too early");
        return false;
    }
    std::shared_ptr<Fetch> const fetch = ahead_.front();
    workers_.help_until([&] { return fetch->done.load(std::memory_order_acquire); });
    ahead_.pop_front();
    PD_TRY(blob_, *fetch->blob);
    rest_ = blob_.view();
    if (rest_.empty() || rest_.size() > left_bytes_) {
        return fail(Fault::corrupt, "a content contradicts its length");
    }
    left_bytes_ -= rest_.size();
    return true;
}

Result<std::size_t> ContentSource::read(ByteSpan into) {
    auto filled = fill(into);
    if (!filled) failure_ = filled.error();
    return filled;
}

Result<std::size_t> ContentSource::fill(ByteSpan into) {
    std::size_t filled = 0;
    while (filled < into.size()) {
        if (rest_.empty()) {
            PD_TRY(bool const more, advance());
            if (!more) break;
        }
        std::size_t const part = std::min(rest_.size(), into.size() - filled);
        std::memcpy(into.data() + filled, rest_.data(), part);
        rest_ = rest_.subspan(part);
        filled += part;
    }
    return filled;
}

}  // namespace perdure::repository
