#pragma once

#include <memory>
#include <optional>

#include "repository/index/index_tables.h"
#include "system/file.h"

namespace perdure::repository {

/// A segment of the index, ready for lookups: its entries sorted by id in memory or in a mapped
/// file of the local cache. Immutable. Threads: any.
class IndexSegment {
public:
    /// Sorts the tables and keeps them in memory, or in cache_file when one is named (mode 0600,
    /// closed by an HMAC of the key under the segment's name; a cache that cannot be written is no
    /// error).
    static std::shared_ptr<IndexSegment const> make(IndexTables tables, crypto::Digest const& name,
                                                    crypto::HmacKey const& key,
                                                    system::Path const& cache_file);
    /// Maps a cache file. Fails: not_found; corrupt: fetch the segment anew.
    static Result<std::shared_ptr<IndexSegment const>> open(system::Path const& cache_file,
                                                            crypto::Digest const& name,
                                                            crypto::HmacKey const& key);
    ~IndexSegment();
    IndexSegment(IndexSegment const&) = delete;
    IndexSegment& operator=(IndexSegment const&) = delete;

    crypto::Digest const& name() const { return name_; }
    std::span<crypto::Digest const> supersedes() const { return supersedes_; }
    std::span<PackRow const> packs() const { return packs_; }
    std::span<FrameRow const> frames() const { return frames_; }
    std::span<IndexEntry const> entries() const { return entries_; }
    /// All entries of one id; usually none or one. An id that is not here costs one cache miss, and
    /// touches no page of the mapped file.
    std::span<IndexEntry const> find(BlobPrefix const& id) const;
    /// False: no entry has this id. True for one in ten thousand of the others too.
    bool may_hold(BlobPrefix const& id) const;
    /// Mapped pages go back to the kernel; a later look brings them back.
    void let_go_of_pages() const;
    FrameRow const& frame(IndexEntry const& entry) const {
        return frames_[packs_[entry.pack].first_frame + entry.slot];
    }
    /// Back into pack order, for merging and rewriting.
    IndexTables tables() const;

private:
    IndexSegment() = default;
    Result<void> adopt(ByteView bytes);
    void fill_filter();

    crypto::Digest name_;
    Bytes owned_;
    void* mapped_ = nullptr;
    std::size_t mapped_bytes_ = 0;
    std::span<crypto::Digest const> supersedes_;
    std::span<PackRow const> packs_;
    std::span<FrameRow const> frames_;
    std::span<IndexEntry const> entries_;
    std::vector<std::uint32_t> buckets_;  ///< first entry by the leading bits of the id
    int bucket_bits_ = 0;
    /// A Bloom filter in blocks of one cache line (Putze, Sanders, Singler, WEA 2007): most ids of
    /// a backup are in no segment, or in one of many.
    struct alignas(64) FilterBlock {
        std::array<std::uint64_t, 8> words{};
    };
    std::vector<FilterBlock> filter_;
};

}  // namespace perdure::repository
