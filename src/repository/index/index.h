#pragma once

#include <atomic>
#include <map>
#include <set>
#include <shared_mutex>
#include <unordered_set>

#include "repository/index/index_segment.h"

namespace perdure::repository {

struct IndexOptions {
    PackSource source;
    system::Path cache_folder;  ///< of this repository; empty: segments are kept in memory
    system::Random* random = nullptr;
};

/// A blob's copy in one pack.
struct Location {
    PackName pack;
    Salt salt;
    std::uint64_t body_bytes = 0;
    FrameRow frame;
    std::uint32_t slot = 0, raw_offset = 0, length = 0;
    bool stored = true;  ///< the part of the index that says so is an object of the store
    bool is_delta() const {
        return frame.codec == static_cast<std::uint32_t>(content::Codec::zstd_prefix);
    }
};

/// Which pack holds which blob. Sealed, immutable segments `index/<sha256>` in the store, decrypted
/// and memory-mapped from the local cache.
/// Invariants:
///  1. An entry counts only while its pack is listed in the store.
///  2. A segment's entries are never dropped before a segment that holds them is durable.
///  3. The index can be rebuilt from the packs' directories alone.
/// Threads: any.
class Index {
public:
    /// Lists packs and segments and loads what is new. Segments that do not open are named in
    /// `damaged` (rebuild mends them) and left out. Fails: unavailable; denied.
    static Result<std::shared_ptr<Index>> open(IndexOptions options,
                                               std::vector<store::ObjectName>* damaged,
                                               std::stop_token stop);

    /// Whether a blob need not be stored again: it lies in a listed pack that is not avoided.
    bool knows(BlobId const& id) const;
    /// Every copy, those in avoided packs last.
    std::vector<Location> find(BlobId const& id) const { return copies(id, true); }
    /// What the index says of packs that are not listed: another destination may have them still.
    std::vector<Location> find_unlisted(BlobId const& id) const { return copies(id, false); }
    /// Packs that a collector condemned: their blobs can be read, but must be stored again.
    void avoid(std::set<crypto::Digest> packs);

    /// Writes one segment over new packs and takes it in. Fails: as ObjectStore::put; internal when
    /// the segment does not read back as it was written.
    Result<void> add(IndexTables tables, std::stop_token stop);
    /// Where a segment over packs that none named goes: into the store, or only into this object
    /// (for those who may not write; gone with it, and replaced by a stored one).
    enum class Orphans { stored, only_here };
    /// Takes in listed packs that no segment names: what a session that was killed had stored, so
    /// that the next one goes on from there; or everything, when somebody lost the index. Packs
    /// that cannot be read are passed over.
    Result<void> adopt_orphans(Orphans where, std::stop_token stop);
    /// Joins small segments when there are more than segments_max. Removes the old ones last; those
    /// that a merge or a sync left, when it was killed, first.
    Result<void> merge(std::stop_token stop);
    static constexpr std::size_t segments_max = 32;
    static constexpr std::size_t segment_entries_max = 1 << 19;

    /// Reads the directories of all listed packs, writes fresh segments over them and removes all
    /// older ones, but none of another repository. Packs that cannot be read are named in
    /// `damaged`; what the old index knew of them is kept, and what it forgot stays forgotten.
    Result<void> rebuild(std::vector<store::ObjectName>* damaged, std::stop_token stop);
    /// Writes the index without these packs (about to be deleted by a collector).
    Result<void> drop_packs(std::set<crypto::Digest> const& packs, std::stop_token stop);
    /// A frame, by its pack and slot.
    using FrameName = std::pair<crypto::Digest, std::uint32_t>;
    /// Writes the index without what these frames held: it cannot be read any more, and must be
    /// stored again wherever it is met. Their packs stay named, so that nobody takes them for
    /// orphans; a pack that was mended is learned anew by drop_packs and adopt_orphans.
    Result<void> forget(std::set<FrameName> const& frames, std::stop_token stop);
    /// Packs with frames that were forgotten.
    std::set<crypto::Digest> forgetful_packs() const;

    std::vector<PackRow> packs() const { return rows(true); }  ///< listed and indexed, each once
    std::vector<PackRow> unlisted_packs() const { return rows(false); }  ///< the other indexed ones
    /// Calls each for every entry of listed packs, in no particular order.
    void for_each(
        std::function<void(PackRow const&, FrameRow const&, IndexEntry const&)> each) const;
    std::uint64_t entry_count() const;
    std::size_t segment_count() const;
    PackSource const& source() const { return options_.source; }
    system::Path const& cache_folder() const { return options_.cache_folder; }

private:
    struct Loaded {
        std::shared_ptr<IndexSegment const> segment;
        std::vector<bool> listed;  ///< by pack of the segment
        bool stored = true;        ///< an object of the store
    };
    explicit Index(IndexOptions options);
    std::vector<Location> copies(BlobId const& id, bool listed) const;
    std::vector<PackRow> rows(bool listed) const;
    class Rewrite;
    Result<std::vector<PackName>> list_packs(std::stop_token stop);
    Result<std::vector<crypto::Digest>> list_segments(std::stop_token stop);
    bool is_strange(crypto::Digest const& name, std::stop_token stop);
    Result<bool> is_gone(PackRow const& pack, std::stop_token stop);
    Result<std::shared_ptr<IndexSegment const>> load(crypto::Digest const& name,
                                                     std::stop_token stop);
    Result<std::shared_ptr<IndexSegment const>> fetch(crypto::Digest const& name,
                                                      std::stop_token stop);
    Result<std::shared_ptr<IndexSegment const>> write(IndexTables tables, std::stop_token stop);
    struct Omitted {
        std::set<crypto::Digest> packs;
        std::set<FrameName> frames;
    };
    Result<void> replace(std::vector<std::shared_ptr<IndexSegment const>> const& old,
                         Omitted const& omitted, std::stop_token stop);
    std::vector<std::shared_ptr<IndexSegment const>> segments_naming(
        std::set<crypto::Digest> const& packs) const;
    Result<void> remove_superseded(std::stop_token stop);
    Result<void> remove_segment(crypto::Digest const& name, std::stop_token stop);
    void take_in(std::shared_ptr<IndexSegment const> segment, bool stored = true);
    /// Under the mutex, shared at least. A mapped page was perhaps touched.
    void note_touch() const;
    void let_go_of_pages() const;
    system::Path cache_file(crypto::Digest const& name) const;

    IndexOptions options_;
    crypto::HmacKey cache_key_;
    mutable std::shared_mutex mutex_;
    mutable std::atomic<std::uint32_t> touches_ = 0;
    std::vector<Loaded> segments_;
    std::vector<crypto::Digest> superseded_;  ///< seen when it was opened, and of no use any more
    std::set<crypto::Digest> listed_packs_;
    std::set<crypto::Digest> avoided_;
};

}  // namespace perdure::repository
