#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

#include "repository/domain.h"
#include "store/object_store.h"

namespace perdure::repository {

/// How a blob is framed and packed.
enum class BlobClass : std::uint8_t {
    small,  ///< whole small files: many share a 256 KiB frame
    large,  ///< chunks of large files: 4 MiB frames
    rows,   ///< row blocks and deltas
    meta,   ///< folders, rosters, lists: metadata packs, kept in the local cache
};

/// A plaintext that stays alive as long as somebody looks at it (a slice of a decoded frame).
struct BlobView {
    std::shared_ptr<Bytes const> frame;
    std::size_t offset = 0, length = 0;
    ByteView view() const { return ByteView(*frame).subspan(offset, length); }
};

/// Where the repository finds a blob.
struct BlobPlace {
    crypto::Digest pack_hash;
    std::string pack_name;
    std::uint32_t slot = 0, raw_offset = 0, raw_length = 0;
};

struct BlobStatistics {
    std::uint64_t blobs_new = 0, blobs_known = 0;
    std::uint64_t bytes_new = 0;     ///< plaintext of new blobs
    std::uint64_t bytes_stored = 0;  ///< objects written, parity included
    std::uint64_t packs = 0;
};

/// Reads blobs by id: index → pack → frame → slice; verifies the id of every blob it returns.
/// Keeps a bounded cache of decoded frames. Damaged packs are repaired by parity on the way.
/// Threads: any.
class BlobReader {
public:
    virtual ~BlobReader() = default;
    virtual bool knows(BlobId const& id) const = 0;
    /// Fails: not_found (no such blob in the index); corrupt (named with pack and slot);
    /// denied (the domain is erased); unavailable.
    virtual Result<BlobView> read(BlobId const& id, DomainPtr const& domain,
                                  std::stop_token stop) = 0;
    virtual std::optional<BlobPlace> place(BlobId const& id) const = 0;
    /// The blob this one is stored as a delta against, if it is.
    virtual Result<std::optional<BlobId>> base_of(BlobId const& id, std::stop_token stop) = 0;
};

/// Stores blobs for one session. Compression and sealing happen on the calling threads (the one
/// that fills a frame works it off); packs are closed, hashed and uploaded on threads of its own.
/// Threads: put from any number of threads.
class BlobWriter {
public:
    virtual ~BlobWriter() = default;
    struct Put {
        BlobClass blob_class = BlobClass::small;
        bool compressible = true;    ///< false: stored as it is (media)
        std::optional<BlobId> base;  ///< predecessor in the same domain, not itself a delta
        ByteView base_plaintext;     ///< its bytes, when base is set
        /// When set, put stores here what the blob rests on: its base, when it is (or, a known
        /// blob, was) stored as a delta; nothing, when it is stored whole. Must be known when put
        /// returns: the roster keeps bases alive by it.
        std::optional<BlobId>* rests_on = nullptr;
    };
    /// The blob's id; known blobs cost a lookup. Fails: exhausted, unavailable (an upload failed,
    /// now or earlier), cancelled.
    virtual Result<BlobId> put(DomainPtr const& domain, ByteView plaintext, Put options) = 0;
    /// Everything put so far is durable in packs and listed in index segments.
    virtual Result<void> finish(std::stop_token stop) = 0;
    virtual BlobStatistics statistics() const = 0;
};

}  // namespace perdure::repository
