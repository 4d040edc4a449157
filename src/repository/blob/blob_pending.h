#pragma once

#include <array>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "repository/index/index_tables.h"

namespace perdure::repository {

/// The blobs that a session has taken on and that no index segment lists yet: of many threads that
/// put the same bytes at once, exactly one stores them.
/// Threads: any.
class PendingBlobs {
public:
    /// True for the one caller who is to store the blob; with decides_base it must call decide.
    bool claim(BlobPrefix const& id, bool decides_base) {
        Shard& shard = shard_of(id);
        std::lock_guard const lock(shard.mutex);
        return shard.blobs.emplace(id, Blob{!decides_base, std::nullopt}).second;
    }
    /// Tells what the claimed blob rests on, once that is known.
    void decide(BlobPrefix const& id, std::optional<BlobId> base) {
        Shard& shard = shard_of(id);
        std::lock_guard const lock(shard.mutex);
        shard.blobs[id] = {true, base};
        shard.decided.notify_all();
    }
    /// What a blob that somebody claimed rests on; waits until that is decided. False when the
    /// blob is no longer pending: ask the index.
    bool rests_on(BlobPrefix const& id, std::optional<BlobId>& base) {
        Shard& shard = shard_of(id);
        std::unique_lock lock(shard.mutex);
        for (;;) {
            auto const found = shard.blobs.find(id);
            if (found == shard.blobs.end()) return false;
            base = found->second.base;
            if (found->second.decided) return true;
            shard.decided.wait(lock);
        }
    }
    void forget(std::span<IndexEntry const> entries) {
        for (IndexEntry const& entry : entries) {
            Shard& shard = shard_of(entry.id);
            std::lock_guard const lock(shard.mutex);
            shard.blobs.erase(entry.id);
        }
    }

private:
    struct Blob {
        bool decided = true;
        std::optional<BlobId> base;
    };
    struct Shard {
        std::mutex mutex;
        std::condition_variable decided;
        std::unordered_map<BlobPrefix, Blob, OpaqueHash> blobs;
    };
    Shard& shard_of(BlobPrefix const& id) {
        return shards_[std::to_integer<std::size_t>(id.bytes.back()) % shards_.size()];
    }
    std::array<Shard, 16> shards_;
};

}  // namespace perdure::repository
