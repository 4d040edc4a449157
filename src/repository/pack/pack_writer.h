#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>

#include "repository/pack/pack.h"

namespace perdure::repository {

/// One frame on its way into a pack. The views must live until append returns.
struct FrameJob {
    DomainPtr domain;
    content::Codec codec = content::Codec::stored;
    ByteView packed;  ///< what is sealed
    ByteView raw;     ///< what it decodes to
    std::vector<BlobRecord> blobs;
    std::optional<BlobId> base;
    ByteView base_plaintext;
    bool compare = false;  ///< decode after sealing and compare (restic #4523)
};

/// A closed pack: header and frames; the directory is still a list.
struct FilledPack {
    std::unique_ptr<ObjectSeal> seal;
    PackDirectory directory;
    Bytes body;
};

struct PackWriterOptions {
    RepositoryId repository;
    ObjectKind kind = ObjectKind::data_pack;
    system::Random* random = nullptr;
    std::size_t close_min_bytes = 24 << 20, close_max_bytes = 32 << 20;
    std::size_t buffers = 4;  ///< packs between their first frame and recycle()
    /// Takes a filled pack; called from the thread that sealed its last frame. Must not wait for
    /// it.
    std::function<void(FilledPack)> on_filled;
};

/// Joins frames to packs of one kind.
/// Threads: append from any; frames are sealed side by side, straight into their places.
class PackWriter {
public:
    explicit PackWriter(PackWriterOptions options);
    ~PackWriter();
    /// Fails: internal, when the frame does not decode to what went in: this machine writes
    /// garbage.
    Result<void> append(FrameJob const& job);
    /// Closes the open pack, if there is one.
    void close();
    /// Gives a buffer back for the next pack; every body handed to on_filled must come back.
    void recycle(Bytes body);
    /// Frees the buffers that came back, when no more frames will follow.
    void free_buffers();

private:
    struct OpenPack;
    struct Place;

    std::shared_ptr<OpenPack> open_pack();
    Bytes take_buffer();
    Place reserve(FrameJob const& job);
    void release(std::shared_ptr<OpenPack> pack);

    PackWriterOptions options_;
    std::mutex mutex_;  ///< open_ and the layout of its pack
    std::shared_ptr<OpenPack> open_;
    std::mutex buffers_mutex_;
    std::condition_variable buffer_back_;
    std::vector<Bytes> spare_;
    std::size_t buffers_out_ = 0;
};

}  // namespace perdure::repository
