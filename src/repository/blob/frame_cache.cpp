#include "repository/blob/frame_cache.h"

namespace perdure::repository {

Result<FrameCache::Frame> FrameCache::get(Key const& key,
                                          std::function<Result<Bytes>()> const& load) {
    std::unique_lock lock(mutex_);
    for (;;) {
        auto const found = slots_.find(key);
        if (found == slots_.end()) break;
        if (found->second.frame) {
            recent_.splice(recent_.begin(), recent_, found->second.recent);
            return found->second.frame;
        }
        loaded_.wait(lock);
    }
    slots_.emplace(key, Slot{nullptr, recent_.end()});
    lock.unlock();
    auto bytes = load();
    lock.lock();
    loaded_.notify_all();
    if (!bytes) {
        slots_.erase(key);
        return bytes.error();
    }
    auto frame = std::make_shared<Bytes const>(std::move(*bytes));
    bytes_ += frame->size();
    recent_.push_front(key);
    slots_[key] = {frame, recent_.begin()};
    trim();
    return frame;
}

void FrameCache::trim() {
    // The newest stays even when it alone is too large: its readers hold it anyway.
    while (bytes_ > bytes_max_ && recent_.size() > 1) {
        auto const oldest = slots_.find(recent_.back());
        bytes_ -= oldest->second.frame->size();
        slots_.erase(oldest);
        recent_.pop_back();
    }
}

}  // namespace perdure::repository
