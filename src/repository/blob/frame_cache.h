#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "repository/index/index_tables.h"

namespace perdure::repository {

/// Decoded frames, the most recently used up to a number of bytes. Threads that want one frame at
/// once decode it once: the others wait for the first.
/// Threads: any.
class FrameCache {
public:
    struct Key {
        crypto::Digest pack;
        std::uint32_t slot = 0;
        bool operator==(Key const&) const = default;
    };
    using Frame = std::shared_ptr<Bytes const>;

    explicit FrameCache(std::size_t bytes_max) : bytes_max_(bytes_max) {}
    /// The frame, from the cache or from `load` (called without a lock). An error is not kept.
    Result<Frame> get(Key const& key, std::function<Result<Bytes>()> const& load);

private:
    struct KeyHash {
        std::size_t operator()(Key const& key) const {
            return OpaqueHash{}(key.pack) + key.slot * std::size_t{0x9E3779B97F4A7C15};
        }
    };
    struct Slot {
        Frame frame;  ///< null while somebody loads it
        std::list<Key>::iterator recent;
    };
    void trim();

    std::size_t bytes_max_;
    std::mutex mutex_;
    std::condition_variable loaded_;
    std::unordered_map<Key, Slot, KeyHash> slots_;
    std::list<Key> recent_;  ///< newest first; loaded frames only
    std::size_t bytes_ = 0;
};

}  // namespace perdure::repository
