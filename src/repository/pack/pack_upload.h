#pragma once

#include <atomic>
#include <thread>

#include "base/channel.h"
#include "repository/blob/blob_access.h"
#include "repository/blob/blob_pending.h"
#include "repository/pack/pack_writer.h"

namespace perdure::repository {

/// The first error of many threads, kept for every later call (rustic #249: an upload failed and
/// nobody was told).
/// Threads: any.
class FirstError {
public:
    void keep(Error error);
    Result<void> check() const;

private:
    std::atomic<bool> failed_ = false;
    mutable std::mutex mutex_;
    std::optional<Error> error_;
};

/// Closes filled packs, names and uploads them and lists them in index segments, on two threads.
/// Invariant: a pack's entries reach an index segment only after its PUT succeeded, and a blob
/// leaves the pending set only after its segment's PUT did.
/// Threads: take from any; finish from one.
class PackUpload {
public:
    PackUpload(BlobWriterOptions const& options, PendingBlobs& pending, FirstError& error);
    ~PackUpload();
    /// Never waits: the buffers of the pack writers bound the queue.
    void take(FilledPack pack, PackWriter& origin);
    /// Waits for all packs and writes the last index segment.
    Result<void> finish();

    std::atomic<std::uint64_t> bytes_stored = 0, packs = 0;

private:
    struct Filled {
        FilledPack pack;
        PackWriter* origin;
    };
    void work();
    Result<void> upload(FilledPack& pack);
    Result<void> list(PackName const& name, PackDirectory const& directory);
    Result<void> flush(IndexTables tables);

    BlobWriterOptions const& options_;
    PendingBlobs& pending_;
    FirstError& error_;
    std::stop_source stop_;
    std::stop_callback<std::function<void()>> outer_;
    Channel<std::shared_ptr<Filled>> queue_{64};
    std::mutex tables_mutex_;
    IndexTables tables_;
    std::vector<std::jthread> threads_;
};

}  // namespace perdure::repository
