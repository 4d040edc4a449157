#include "repository/stream/content_source.h"

#include <algorithm>
#include <atomic>

namespace perdure::repository {

namespace {
constexpr std::size_t group_blobs_max = 64;
}  // namespace

/// Blobs that follow each other in one frame: fetched by one task, since a second one would only
/// wait for the first to open the frame.
struct ContentSource::Fetch {
    std::vector<BlobId> ids;
    std::vector<Result<BlobView>> blobs;
    std::size_t taken = 0;
    std::atomic<bool> done = false;

    void run(BlobReader& reader, DomainPtr const& domain, std::stop_token const& stop) {
        blobs.reserve(ids.size());
        for (BlobId const& id : ids) blobs.push_back(reader.read(id, domain, stop));
        done.store(true, std::memory_order_release);
    }
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

Result<void> ContentSource::take_next_id() {
    next_.reset();
    if (ids_ended_) return {};
    PD_TRY(next_, ids_.next(stop_));
    if (!next_) ids_ended_ = true;
    return {};
}

/// The next blobs that lie in one frame, as far as the index knows.
Result<std::shared_ptr<ContentSource::Fetch>> ContentSource::next_group() {
    auto fetch = std::make_shared<Fetch>();
    fetch->ids.push_back(*next_);
    PD_CHECK(take_next_id());
    if (!next_) return fetch;  // small files, most of all: nothing to ask the index for
    auto const first = blobs_.place(fetch->ids.front());
    while (first && next_ && fetch->ids.size() < group_blobs_max) {
        auto const place = blobs_.place(*next_);
        if (!place || place->slot != first->slot || place->pack_hash != first->pack_hash) break;
        fetch->ids.push_back(*next_);
        PD_CHECK(take_next_id());
    }
    return fetch;
}

Result<void> ContentSource::fetch_ahead() {
    if (!next_ && !ids_ended_) PD_CHECK(take_next_id());
    while (next_ && ahead_.size() < workers_.threads() + 1u) {
        PD_TRY(std::shared_ptr<Fetch> fetch, next_group());
        ahead_.push_back(fetch);
        // The last (often only) blob of a short content is fetched where it is needed.
        if (ahead_.size() == 1 && left_bytes_ < (256u << 10)) {
            fetch->run(blobs_, domain_, stop_);
            continue;
        }
        workers_.submit_urgent([fetch, &blobs = blobs_, domain = domain_, stop = stop_] {
            fetch->run(blobs, domain, stop);
        });
    }
    return {};
}

Result<bool> ContentSource::advance() {
    rest_ = {};
    if (!ahead_.empty() && ahead_.front()->taken == ahead_.front()->ids.size()) ahead_.pop_front();
    PD_CHECK(fetch_ahead());
    if (ahead_.empty()) {
        if (left_bytes_ != 0) return fail(Fault::corrupt, "a content ends too early");
        return false;
    }
    Fetch& fetch = *ahead_.front();
    workers_.help_until([&] { return fetch.done.load(std::memory_order_acquire); });
    PD_TRY(blob_, fetch.blobs[fetch.taken++]);
    rest_ = blob_.view();
    if (rest_.empty() || rest_.size() > left_bytes_) {
        return fail(Fault::corrupt, "a content contradicts its length");
    }
    left_bytes_ -= rest_.size();
    if (on_bytes) on_bytes(rest_.size());
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
