#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

namespace perdure {

/// A bounded queue between threads. Memory ceiling = capacity × size of an item.
/// Threads: any method, any number of producers and consumers.
template <typename T>
class Channel {
public:
    explicit Channel(std::size_t capacity) : capacity_(capacity) {}

    /// Waits for room. False when closed or stopped; the item is dropped then.
    bool send(T item, std::stop_token stop = {}) {
        std::unique_lock lock(mutex_);
        room_.wait(lock, stop, [&] { return closed_ || items_.size() < capacity_; });
        if (closed_ || stop.stop_requested()) return false;
        items_.push_back(std::move(item));
        filled_.notify_one();
        return true;
    }

    /// Waits for an item. Empty when closed and drained, or stopped.
    std::optional<T> receive(std::stop_token stop = {}) {
        std::unique_lock lock(mutex_);
        filled_.wait(lock, stop, [&] { return closed_ || !items_.empty(); });
        if (items_.empty() || stop.stop_requested()) return std::nullopt;
        std::optional<T> item(std::move(items_.front()));
        items_.pop_front();
        room_.notify_one();
        return item;
    }

    /// No more items will come; what is queued can still be received.
    void close() {
        std::lock_guard lock(mutex_);
        closed_ = true;
        room_.notify_all();
        filled_.notify_all();
    }

private:
    std::mutex mutex_;
    std::condition_variable_any room_;
    std::condition_variable_any filled_;
    std::deque<T> items_;
    std::size_t capacity_;
    bool closed_ = false;
};

}  // namespace perdure
